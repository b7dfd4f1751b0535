"""Every sentence is printed where its condition holds, and is not where it fails."""

import dataclasses

import numpy as np
import pytest

from loss_study.config import Margin
from loss_study.metrics import find
from loss_study.statistics.looks import Look
from loss_study.statistics.ranking import BEST, EQUIVALENT, OPEN, WORSE, Ranking, Standing
from loss_study.statistics.results import MISSING, Result
from loss_study.statistics.scores import Identities
from loss_study.statistics.sentences import at_least, at_most, caveats, decision, groups, on_losses
from loss_study.trial import Trial
from support.made_up_scores import ranked, study

IOU = find("iou_at_best")


def trials(loss, seeds=3):
    return tuple(
        Result(Trial("mask", loss, seed), "finished", "", "", {}, {IOU.name: 0.9}, None, (), ())
        for seed in range(seeds)
    )


def known(*rows, margin=0.02, choice="dice", metric=IOU):
    """A ranking whose rows are loss, group, regret_low, regret_high."""
    standings = tuple(Standing(loss, metric, trials(loss), 0.9, 0.8, 1.0, *of_loss) for loss, *of_loss in rows)
    return Ranking("mask", metric, standings, choice, margin, images=200, objects=24, backgrounds=40)


DECIDED = known(("dice", BEST, 0.0, 0.0132), ("bce", EQUIVALENT, 0.001, 0.02), ("ssim", WORSE, 0.0519, 0.0831))
UNDECIDED = known(("dice", OPEN, 0.0, 0.031), ("bce", OPEN, 0.0, 0.04), ("ssim", WORSE, 0.05, 0.08))


def test_a_decided_study_names_the_choice_and_the_bound_rounded_up():
    assert decision(DECIDED) == "Use dice. With 95 % confidence no other loss is more than 0.014 IoU better."


def test_nothing_is_claimed_of_a_loss_that_failed_and_is_not_compared():
    failed = dataclasses.replace(trials("l1")[0], status="diverged")
    found = dataclasses.replace(DECIDED, standings=(*DECIDED.standings, Standing("l1", IOU, (*trials("l1"), failed))))
    assert [row.loss for row in found.not_compared] == ["l1"]
    assert decision(found) == "Use dice. With 95 % confidence no other compared loss is more than 0.014 IoU better."
    assert on_losses(found)[:-1] == groups(found) == on_losses(DECIDED)
    assert on_losses(found)[-1].startswith("l1 failed with 1 of 4 seeds")
    best = known(("dice", BEST, 0.0, 0.0), ("bce", WORSE, 0.1, 0.2))
    without_sound = dataclasses.replace(best, standings=(*best.standings, Standing("l1", IOU, (failed,))))
    assert decision(without_sound) == "Use dice. With 95 % confidence no other compared loss is better on IoU."
    assert groups(without_sound)[0] == "No other compared loss is better than this one: dice."


def test_an_undecided_study_says_so_and_between_which_losses():
    assert decision(UNDECIDED) == (
        "Use dice for the time being. With 95 % confidence no other loss is more than 0.031 IoU better: that is above "
        "the margin of 0.020, so the question is open between bce and dice."
    )
    assert "for the time being" not in decision(DECIDED) and "open" not in decision(DECIDED)


def test_of_many_losses_it_says_how_many():
    several = [(f"loss_{number}", OPEN, 0.0, 0.04) for number in range(8)]
    found = known(("dice", OPEN, 0.0, 0.031), *several)
    assert decision(found).endswith("so the question is open between 9 losses.")
    assert decision(known(("dice", OPEN, 0.0, 0.031), *several[:7])).endswith("loss_5 and loss_6.")


def test_losses_that_continued_are_to_finish_a_training_with():
    assert decision(DECIDED, continued=True).startswith("Finish with dice. With 95 % confidence no other loss is ")
    assert decision(UNDECIDED, continued=True).startswith("Finish with dice for the time being. With 95 % ")
    assert "Finish" not in decision(DECIDED) + decision(UNDECIDED) and "Use" not in decision(DECIDED, continued=True)


def test_without_regret_no_other_loss_is_better():
    found = known(("dice", BEST, 0.0, 0.0), ("bce", WORSE, 0.1, 0.2))
    assert decision(found) == "Use dice. With 95 % confidence no other loss is better on IoU."
    assert groups(found)[0] == "No other loss is better than this one: dice."


def test_where_no_loss_is_better_the_others_are_at_most_as_good():
    found = known(("dice", BEST, 0.0, 0.0), ("bce", OPEN, 0.0, 0.1), ("l1", BEST, 0.0, 0.01))
    assert groups(found) == [
        "As good as the best, or within the margin of 0.020 of it: dice and l1.",
        "May be as good as the best, but may be worse by more than the margin: bce.",
    ]
    assert not any("May be the best" in sentence for sentence in groups(found))
    better = known(("dice", BEST, 0.0, 0.001), ("bce", OPEN, 0.0, 0.1))
    assert groups(better)[1] == "May be the best, but may be worse by more than the margin: bce."


@pytest.mark.parametrize(
    ("group", "start"),
    [
        (BEST, "May be the best, within the margin of 0.020 of it: dice."),
        (EQUIVALENT, "Not the best, but within the margin of 0.020 of it: bce."),
        (WORSE, "Worse than the best: ssim by 0.051 to 0.084."),
        (OPEN, "May be the best, but may be worse by more than the margin: dice and bce."),
    ],
)
def test_a_group_has_a_sentence_only_if_it_has_losses(group, start):
    having = UNDECIDED if group == OPEN else DECIDED
    assert start in groups(having)
    lacking = dataclasses.replace(having, standings=tuple(row for row in having.standings if row.group != group))
    title = start.partition(":")[0]
    assert not any(sentence.startswith(f"{title}:") for sentence in groups(lacking))


def test_a_loss_with_one_seed_among_others_is_named():
    scores = study([0.7, 0.9, 0.8], seeds=4)
    scores.values["bce"] = scores.values["bce"][:1]
    found = ranked(scores)
    assert decision(found).endswith("Of other trainings with bce nothing is known after one seed.")
    assert "confidence" not in decision(found) and groups(found) == []
    assert "after one seed" not in decision(ranked(study([0.7, 0.9, 0.8], seeds=4)))


def test_with_one_seed_only_trained_networks_are_spoken_of():
    found = ranked(study([0.7, 0.9, 0.8], seeds=1))
    best = found.standings[0]
    assert decision(found) == (
        f"Of these 3 trained networks the one trained with l1 scores best on these test images: IoU "
        f"{best.metric.show(best.mean)}. With one seed per loss nothing is known of other trainings with the same "
        "losses."
    )
    assert groups(found) == []
    assert caveats(found)[0].startswith("One seed per loss: the intervals are of these trained networks on images like")
    said = " ".join([decision(found), *groups(found), *caveats(found)])
    assert not any(claim in said for claim in ("Use ", "confidence", "better", "worse", "beats", "significant"))
    several = ranked(study([0.7, 0.9, 0.8], seeds=3))
    assert "networks" not in " ".join([decision(several), *groups(several), *caveats(several)])


def test_where_one_seed_of_several_is_sound_it_is_not_called_the_only_one():
    found = ranked(study([0.7, 0.9], seeds=1), bce=2, l1=2)
    assert decision(found).endswith(
        "With one sound trial per loss nothing is known of other trainings with the same losses."
    )
    assert caveats(found)[0].startswith("One sound trial per loss: the intervals are of these trained networks")


def test_networks_of_one_seed_that_score_alike_are_all_named():
    scores = study([0.7, 0.9, 0.8], seeds=1)
    scores.values["dice"] = scores.values["l1"].copy()
    assert decision(ranked(scores)).startswith(
        "Of these 4 trained networks those trained with l1 and dice score best on"
    )


def test_without_any_spread_nothing_is_claimed():
    scores = study([0.7, 0.7])
    scores.values.update(bce=np.full((3, 200), 0.7), l1=np.full((3, 200), 0.7))
    found = ranked(scores)
    assert decision(found).startswith("bce and l1 score best on these test images:")
    assert decision(found).endswith("All seeds and test images show the same differences: nothing is known of others.")
    assert groups(found) == []
    assert "same differences" not in decision(ranked(study([0.7, 0.9])))


def test_a_single_test_image_is_not_enough():
    found = dataclasses.replace(DECIDED, images=0, choice=None)
    assert decision(found) == (
        "dice, bce and ssim score best on these test images: IoU 0.900. Of the test images fewer than two have a "
        "value: nothing is known of others."
    )
    assert caveats(found) == []
    assert "fewer than two" not in decision(DECIDED)


def test_a_loss_alone_is_compared_with_nothing():
    assert decision(ranked(study([0.7]))) == "Only bce trained in this study: there is nothing to compare it with."
    assert decision(ranked(study([0.7]), l1=3)) == (
        "Only bce trained without a failure: there is nothing to compare it with."
    )
    assert "nothing to compare" not in decision(DECIDED)


def failing(loss, seed):
    return Result(Trial("mask", loss, seed), "diverged", "", "", {}, {}, None, (), ())


def test_the_only_compared_loss_is_said_to_be_without_a_failure_only_if_it_is():
    partly = Standing("bce", IOU, (*trials("bce", 2), failing("bce", 2)), 0.9)
    once = Standing("l1", IOU, (*trials("l1", 1), failing("l1", 1), failing("l1", 2)), 0.8)
    enough = "Only bce has enough sound trials to be compared: there is nothing to compare it with."
    assert decision(Ranking("mask", IOU, (partly, once))) == enough
    unfinished = Standing("l1", IOU, (*trials("l1", 1), missing("l1", 1), missing("l1", 2)), 0.8)
    assert decision(Ranking("mask", IOU, (Standing("bce", IOU, trials("bce"), 0.9), unfinished))) == enough


def test_what_is_missing_is_not_said_to_have_failed():
    row = Standing("dice", IOU, (failing("dice", 0), missing("dice", 1)))
    found = Ranking("mask", IOU, (row,))
    assert decision(found) == "No loss trained a mask: every trial that has a result failed."
    with_row = dataclasses.replace(DECIDED, standings=(*DECIDED.standings, dataclasses.replace(row, loss="huber")))
    assert caveats(with_row)[-1] == "huber failed with every seed that has a result."


def test_a_bound_above_the_margin_is_never_printed_as_the_margin():
    found = known(("dice", OPEN, 0.0, 0.003399), ("bce", OPEN, 0.0, 0.1), margin=0.003391, metric=find("rmse_coded"))
    assert "no other loss is more than 0.0034 RMSE" in decision(found)
    assert "above the margin of 0.0033," in decision(found)


def test_where_everything_failed_nothing_is_named():
    failed = Result(Trial("mask", "dice", 0), "diverged", "", "", {}, {}, None, (), ())
    found = Ranking("mask", IOU, (Standing("dice", IOU, (failed,)),))
    assert decision(found) == "No loss trained a mask: every trial failed."
    assert groups(found) == [] and caveats(found) == []


def missing(loss, seed):
    return Result(Trial("mask", loss, seed), MISSING, "", "not trained", {}, {}, None, (), ())


def test_what_has_no_result_has_not_failed():
    row = Standing("dice", IOU, (missing("dice", 0), missing("dice", 1)))
    found = Ranking("mask", IOU, (row,))
    assert decision(found) == "Nothing is known of the mask yet: no trial has a result."
    assert groups(found) == [] and caveats(found) == []
    alone = Ranking("mask", IOU, (Standing("bce", IOU, trials("bce"), 0.9), row))
    assert decision(alone) == "Only bce trained so far: there is nothing to compare it with."
    partly = Standing("l1", IOU, (*trials("l1", 1), missing("l1", 1)), 0.8)
    rows = (*DECIDED.standings, partly, dataclasses.replace(row, loss="huber"))
    assert caveats(dataclasses.replace(DECIDED, standings=rows))[-2:] == [
        "l1 has no result of 1 of 2 seeds: its numbers are those of the other seeds. It is ranked behind the losses "
        "without a failure, and not compared.",
        "Without a result: huber.",
    ]
    said = " ".join([decision(found), decision(alone), *caveats(found), *caveats(alone)])
    assert "failed" not in said and "failure" not in said
    assert "result" not in " ".join([decision(DECIDED), *caveats(DECIDED)])


def test_where_losses_with_failures_are_compared_it_is_said_and_how_often_the_choice_failed():
    scores = study([0.6, 0.9, 0.7], seeds=4)
    for loss in ("l1", "rmse"):
        scores.values[loss] = scores.values[loss][:3]
    found = ranked(scores, l1=1, rmse=1)
    assert decision(found).startswith("Use l1. With 95 % confidence no other loss is ")
    assert caveats(found)[-2:] == [
        "Only bce has a sound trial of every seed: the ranking is of the sound trials.",
        "l1 failed with 1 of 4 seeds (collapsed).",
    ]
    scores.values["bce"] = scores.values["bce"][:3]
    assert caveats(ranked(scores, bce=1, l1=1, rmse=1))[-2:] == [
        "No loss has a sound trial of every seed: the ranking is of the sound trials.",
        "l1 failed with 1 of 4 seeds (collapsed).",
    ]
    # What is not compared is named.
    scores.values["dice"] = scores.values["bce"][:1]
    assert caveats(ranked(scores, bce=1, l1=1, rmse=1, dice=3, huber=4))[-2:] == [
        "dice failed with 3 of 4 seeds (collapsed), too many to compare it.",
        "huber failed with every seed.",
    ]
    # A choice that did not fail is not said to have.
    safe = study([0.9, 0.6, 0.7], seeds=4)
    safe.values["l1"], safe.values["rmse"] = safe.values["l1"][:3], safe.values["rmse"][:3]
    assert caveats(ranked(safe, l1=1, rmse=1))[-1].startswith("Only bce has a sound trial")


def test_caveats_say_what_the_intervals_are_from():
    assert caveats(ranked(study([0.8, 0.9]))) == [
        "The intervals are from 3 seeds per loss and the 200 test images of 24 objects and 200 backgrounds."
    ]
    many = dataclasses.replace(ranked(study([0.8, 0.9])), images=1000, objects=1000)
    assert "the 1,000 test images of 1,000 objects and 200 backgrounds." in caveats(many)[0]


def test_two_seeds_are_few():
    assert any("Two seeds show little" in one for one in caveats(ranked(study([0.8, 0.9], seeds=2))))
    assert not any("Two seeds" in one for one in caveats(ranked(study([0.8, 0.9], seeds=3))))


def test_fewer_seeds_of_dropped_losses_are_said():
    scores = study([0.8, 0.9, 0.5], seeds=5)
    scores.values["rmse"] = scores.values["rmse"][:3]
    said = caveats(ranked(scores, Look(2, (3, 5, 8))))
    assert said[0].startswith("The intervals are from 3 to 5 seeds per loss")
    assert "This is comparison 2 of at most 3: the confidence holds for all of them together." in said
    assert not any("comparison" in one for one in caveats(ranked(scores)))


@pytest.mark.parametrize(
    ("unknown", "sentence"),
    [
        ({"objects"}, "share an object is unknown: if some do, the intervals are too narrow for new objects."),
        (
            {"backgrounds"},
            "share a background is unknown: if some do, the intervals are too narrow for new backgrounds.",
        ),
        (
            {"objects", "backgrounds"},
            "share an object or background is unknown: if some do, the intervals are too narrow for new objects and "
            "backgrounds.",
        ),
        (set(), None),
    ],
)
def test_unknown_objects_and_backgrounds_are_said(unknown, sentence):
    nobody = Identities.of([""] * 200)
    said = caveats(ranked(dataclasses.replace(study([0.8, 0.9]), **dict.fromkeys(unknown, nobody))))
    assert said[1:] == ([f"Which test images {sentence}"] if sentence else [])


def test_one_background_for_all_is_no_unknown_one():
    one = Identities.of(["beach"] * 200)
    said = caveats(ranked(dataclasses.replace(study([0.8, 0.9]), backgrounds=one)))
    assert said[1:] == ["All test images have one background: nothing is known of other backgrounds."]
    assert "background" not in said[0]


def test_failures_are_said():
    scores = study([0.7, 0.8, 0.95])
    scores.values["rmse"] = scores.values["rmse"][:2]
    assert caveats(ranked(scores, rmse=1, huber=3))[1:] == [
        "rmse failed with 1 of 3 seeds (collapsed): its numbers are those of the other seeds. It is ranked behind the "
        "losses without a failure, and not compared.",
        "huber failed with every seed.",
    ]
    assert caveats(ranked(study([0.7, 0.8]), bce=1, l1=1))[1:] == [
        "No loss has a sound trial of every seed: the ranking is of the sound trials.",
        "l1 failed with 1 of 4 seeds (collapsed).",
    ]
    assert not any("failed" in one for one in caveats(ranked(study([0.7, 0.8]))))


def test_bounds_are_rounded_to_the_safe_side():
    assert [at_most(IOU, value) for value in (0.0132, 0.013, 0.0, 0.02)] == ["0.014", "0.013", "0.000", "0.020"]
    assert [at_least(IOU, value) for value in (0.0139, 0.013, 0.3)] == ["0.013", "0.013", "0.300"]
    assert at_most(find("rmse_coded"), 0.01231) == "0.0124"
    everywhere = np.random.default_rng(0).uniform(0, 0.2, 200)
    assert all(float(at_least(IOU, one)) <= one <= float(at_most(IOU, one)) for one in everywhere)


def test_the_decision_of_real_scores_holds_its_margin():
    found = ranked(study([0.70, 0.90, 0.80]), margin=Margin(mask=0.05))
    assert found.decided == decision(found).startswith("Use l1. With 95 % confidence no other loss is ")
