"""What the page says of the study as a whole: each sentence where its condition holds, and not where it fails."""

import json
import re

import numpy as np
import pytest

from loss_study.config import Margin, ParentConfig, SearchConfig
from loss_study.metrics import HEADLINE, find
from loss_study.report.sections import study as section
from loss_study.report.sections.learning_rates import Found, HeadSearch
from loss_study.statistics.looks import Look
from loss_study.statistics.ranking import BEST, OPEN
from loss_study.statistics.scores import Identities, Scores
from support.made_up_scores import ranked as scored
from support.rankings import DECIDED, UNDECIDED, ranked, result

ONE_SEED = {"dice": (OPEN, None, None, 0.7), "bce": (OPEN, None, None, 0.6)}


def of_networks(**values):
    return ranked(ONE_SEED, seeds=1, choice=None, **values)


def with_search(config):
    search = SearchConfig(lr=[0.01, 0.1], epochs=1, seed=9)
    return config.model_copy(update={"recipe": config.recipe.model_copy(update={"search": search})})


def continued(config, folds=1, heads=("mask",), **parent):
    recipe = config.recipe.model_copy(update={"parent": ParentConfig(**{"epochs": 5} | parent), "epochs": 2})
    sample = config.sample.model_copy(update={"folds": folds})
    loss = config.loss.model_copy(update={"heads": list(heads)})
    return config.model_copy(update={"recipe": recipe, "sample": sample, "loss": loss})


def searched(*edges):
    return [HeadSearch("mask", find("iou"), (Found("dice", {}, 0.1, 0.1, edges=edges),))]


def changes(ranking, config, searches=()):
    return " ".join(section.changes([ranking], config, searches))


def test_the_estimand_is_of_losses_with_several_seeds(study):
    text = " ".join(section.estimand([ranked(DECIDED), ranked(DECIDED, "depth")], study.config))
    assert text.startswith(
        "Compared is the mean mask IoU at the threshold chosen on validation and depth RMSE (coded depth) that a "
        "network reaches which is trained with a loss, at the learning rate of the recipe, from a new seed, on new "
        "images of new objects before new backgrounds of the same kind."
    )
    assert (
        "Random, and in the intervals: seeds, objects and backgrounds. Not in them: the choice of the training images."
    ) in text


def test_no_failure_of_the_compared_losses_is_no_proof_that_there_will_be_none(study):
    said = "The question leaves out trainings that fail: none of a compared loss did; a later one may."
    assert said in " ".join(section.estimand([ranked(DECIDED, failed=["huber"])], study.config))
    assert said not in " ".join(section.estimand([ranked({}, failed=["huber", "rmse"])], study.config))
    assert said not in " ".join(section.estimand([ranked(DECIDED, seeds=1)], study.config))


def test_the_estimand_names_the_search(study):
    text = " ".join(section.estimand([ranked(DECIDED)], with_search(study.config)))
    assert "at the learning rate that the search chooses for it" in text and "of the recipe" not in text
    assert "Not in them: the search for the learning rate and the choice of the training images." in text


@pytest.mark.parametrize(("unknown", "words"), [("objects", "objects"), ("backgrounds", "backgrounds")])
def test_the_estimand_promises_no_unknown_identities(study, unknown, words):
    assert f"new {words}" not in " ".join(section.estimand([ranked(DECIDED, **{unknown: 0})], study.config))
    # One for all test images says nothing of new ones.
    assert f"new {words}" not in " ".join(section.estimand([ranked(DECIDED, **{unknown: 1})], study.config))
    neither = " ".join(section.estimand([ranked(DECIDED, objects=0, backgrounds=0)], study.config))
    assert "on new images of the same kind" in neither and "seeds and test images." in neither


def test_the_estimand_of_one_seed_is_of_these_networks(study):
    text = " ".join(section.estimand([of_networks()], study.config))
    assert "each of these trained networks" in text and "stands for the one network that was trained with it" in text
    assert "from a new seed" not in text and "Not in them: other seeds" in text
    assert "these trained networks" not in " ".join(section.estimand([ranked(DECIDED)], study.config))


def test_the_estimand_of_losses_is_that_of_the_heads_that_have_seeds(study):
    text = " ".join(section.estimand([of_networks(), ranked(DECIDED, "depth")], study.config))
    assert text.startswith("Compared is the mean depth RMSE (coded depth) that a network reaches")
    assert "mask" not in text and "these trained networks" not in text


def test_the_estimand_of_folds_is_that_of_their_training_images(study):
    text = " ".join(section.estimand([ranked(DECIDED, folds=5, tested=5)], study.config))
    assert "Not in them: other training images than those of the 5 folds." in text
    assert "folds" not in " ".join(section.estimand([ranked(DECIDED)], study.config))


def test_the_estimand_of_losses_that_continue_names_the_parent(study):
    text = " ".join(section.estimand([ranked(DECIDED)], continued(study.config)))
    assert text.startswith(
        "The question is which loss should finish a training: from one parent network, trained for 5 epochs with bce, "
        "every loss continues for 2 more. Compared is the mean mask IoU "
    )
    assert "at the learning rate of the recipe, from the parent and a new seed, on new images" in text
    assert text.endswith(
        "The parent is one draw that no interval contains: from another one the answer may be another."
    )
    networks = " ".join(section.estimand([of_networks()], continued(study.config)))
    assert networks.startswith("The question is which loss should finish") and networks.endswith("may be another.")


def test_without_a_parent_nothing_is_said_of_one(study):
    assert section.protocol(study.config) == section.parents(study.config) == []
    for rankings in ([ranked(DECIDED)], [of_networks()]):
        text = " ".join(section.estimand(rankings, study.config))
        assert "parent" not in text and "finish" not in text and "draw" not in text


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"heads": ("mask", "depth")}, "from one parent network for each head, trained for 5 epochs with bce,"),
        ({"folds": 5}, "from one parent network for each fold, trained for 5 epochs with bce,"),
        ({"folds": 5, "heads": ("mask", "depth")}, "for each head and fold, trained for 5 epochs with bce,"),
        ({"epochs": 1, "loss": "l1"}, "from one parent network, trained for 1 epoch with l1,"),
    ],
)
def test_parents_are_counted_by_what_they_are_of(changed, words, study):
    assert words in section.protocol(continued(study.config, **changed))[0]


def test_data_names_sizes_and_pixels(study):
    # All test images stand before one background, which is known by its name.
    assert section.data(study.config, study.sample) == [
        "scenes: 6 training images, 2 test images of 2 objects before 1 background.",
        "Metrics are computed at 32 x 32 pixels.",
    ]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1.2, "1 second"), (89, "89 seconds"), (91, "2 minutes"), (5000, "83 minutes"), (9000, "2.5 hours")],
)
def test_durations(seconds, words):
    assert section.duration(seconds) == words


def test_time_counts_what_trained():
    trained = [result("mask", "dice", seed, seconds=100.0) for seed in range(3)]
    assert section.time([*trained, result("mask", "l1", 0)], []) == "3 trainings, 5 minutes of training time in total."


def test_time_counts_the_searches():
    found = Found("dice", {0.01: 0.5, 0.1: None}, 0.01, 0.01, "", seconds=60.0)
    searches = [HeadSearch(head, find("iou"), (found, found)) for head in ("mask", "depth")]
    assert section.time([result("mask", "dice", 0, seconds=100.0)], searches) == (
        "1 training and 8 search trainings, 6 minutes of training time in total."
    )


def test_time_counts_the_parents(study, folder):
    config = continued(study.config, heads=("mask", "depth"))
    assert section.parents(config) == []
    for head, seconds in (("mask", 50.0), ("depth", 70.0)):
        place = folder / "parents" / head / "0"
        place.mkdir(parents=True)
        (place / "trial.json").write_text(json.dumps({"seconds": seconds}))
    assert section.parents(config) == [50.0, 70.0] and section.parents(study.config) == []
    assert section.time([result("mask", "dice", 0, seconds=120.0)], [], section.parents(config)) == (
        "1 training and 2 parent trainings, 4 minutes of training time in total."
    )


def test_rounds_are_named_where_several_were_planned():
    assert section.rounds([ranked(DECIDED)]) == []
    raced = ranked(DECIDED, look=Look(2, (3, 5, 8)))
    assert section.rounds([raced, ranked(DECIDED, "depth")]) == ["Compared: mask after round 2 of at most 3."]


def test_an_open_question_names_the_next_round(study):
    going_on = ranked(UNDECIDED, look=Look(1, (3, 5)), contenders=("dice", "bce"))
    assert "Round 2 of at most 2 would train dice and bce, up to 5 seeds each." in changes(going_on, study.config)
    at_the_end = changes(ranked(UNDECIDED, look=Look(2, (3, 5))), study.config)
    assert "Round" not in at_the_end and at_the_end.startswith("All planned seeds are used: only more of them")
    # Where losses share too few seeds there is no bound that could be narrowed.
    without = {loss: (OPEN, None, None, mean) for loss, (*_, mean) in UNDECIDED.items()}
    no_bound = changes(ranked(without, look=Look(2, (3, 5)), choice=None), study.config)
    assert no_bound.startswith("All planned seeds are used: with more of them") and "narrow" not in no_bound
    decided = changes(ranked(DECIDED), study.config)
    assert "seeds" not in decided and "Round" not in decided


def test_the_margin_that_would_change_the_decision(study):
    assert changes(ranked(DECIDED), study.config).startswith(
        "With a margin below 0.014 IoU the question would be open."
    )
    text = changes(ranked(UNDECIDED), study.config)
    assert "ith a margin of 0.031 IoU or more the question would be decided." in text and "would be open" not in text


def test_the_margin_is_that_of_the_loss_with_the_smallest_bound(study):
    # dice has the best mean, and bce, whose seeds differ less, the smaller bound: a margin between the two chooses bce.
    noisy_best = {"dice": (BEST, 0.0, 0.0191, 0.7), "bce": (BEST, 0.0, 0.0162, 0.699)}
    assert changes(ranked(noisy_best), study.config).startswith(
        "With a margin below 0.016 IoU the question would be open."
    )
    undecided = changes(ranked(noisy_best, margin=0.01), study.config)
    assert "With a margin of 0.017 IoU or more the question would be decided." in undecided


@pytest.mark.parametrize("margin", [0.018, 0.03])
def test_from_the_margin_that_is_named_on_the_question_is_decided(margin, study):
    rng, spread = np.random.default_rng(13), np.array([0.02, 0.0001, 0.02])
    scores = 0.65 + rng.normal(0, 0.1, 100) + spread[:, None, None] * rng.standard_normal((3, 12, 1))
    alone = Identities.of([f"{image}" for image in range(100)])
    made = Scores("mask", HEADLINE["mask"], dict(zip(("bce", "dice", "l1"), scores, strict=True)), alone, alone)
    text = changes(scored(made, margin=Margin(mask=margin)), study.config)
    named = float(re.search(r"ith a margin (?:below|of) (0\.\d+) IoU", text)[1])
    assert scored(made, margin=Margin(mask=named + 0.001)).decided
    assert not scored(made, margin=Margin(mask=named - 0.001)).decided


def test_one_seed_says_what_compares_losses(study):
    text = changes(of_networks(), study.config)
    assert "With three sound trials or more of each loss the losses themselves can be compared" in text
    assert "margin" not in text
    assert "themselves" not in changes(ranked(UNDECIDED), study.config)


def test_one_loss_has_nothing_that_would_change_it(study):
    assert changes(ranked({"dice": ("", None, None, 0.7)}), study.config) == ""


def test_learning_rates_are_a_condition_unless_they_were_searched(study):
    assert "All trained at the learning rate 0.01" in changes(ranked(DECIDED), study.config)
    assert "learning rate" not in changes(ranked(DECIDED), study.config, searched())
    ends = changes(ranked(DECIDED), study.config, searched("learning rate above, 0.1 was used"))
    assert ends.endswith("The search points beyond its grid, where a better value may be, for dice (mask).")


def test_what_holds_for_all_heads_is_said_once(study):
    found = section.changes([ranked(UNDECIDED), ranked(DECIDED, "depth")], study.config, [])
    assert [one.partition(":")[0] for one in found[:3]] == ["Mask", "Mask", "Depth"]
    both = section.changes([ranked(UNDECIDED), ranked(UNDECIDED, "depth")], study.config, [])
    assert both[0].startswith("All planned seeds are used") and sum("planned" in one for one in both) == 1


def test_failures_are_counted_by_kind(study):
    assert (
        section.failures(study.results)
        == "2 of 28 trials failed: 1 collapsed, 1 diverged. 1 of 28 trials has no result."
    )
    assert section.failures([one for one in study.results if one.sound]) == ""
