"""One network or two: every sentence is printed where its condition holds, and is not where it fails."""

from dataclasses import replace

import pytest

from loss_study.config import JointConfig, JointTraining, load_config
from loss_study.metrics import HEADLINE, find
from loss_study.statistics import joint
from loss_study.statistics.pairwise import Pair
from loss_study.statistics.ranking import Ranking, Standing
from loss_study.statistics.results import MISSING, Result
from loss_study.trial import Trial

MACHINE = {"device": "cpu", "threads": 1, "precision": "float32", "training_images": 520, "epochs": 5}


@pytest.fixture
def config():
    """Two joint trainings: "both", dice and ssim, and "other", bce and ssim."""
    options = {
        "both": JointTraining(mask="dice", depth="ssim"),
        "other": JointTraining(mask="bce", depth="ssim", weighting="mgda"),
    }
    return load_config().model_copy(update={"joint": JointConfig(names=["both"], options=options)})


def standing(head, loss, seconds=10.0, seeds=3, **run):
    metric = find(HEADLINE[head])
    results = tuple(
        Result(Trial(head, loss, seed), "finished", "", "", {"seconds": seconds, **MACHINE, **run}, {metric.name: 0.5},
               None, (), ())
        for seed in range(seeds)
    )  # fmt: skip
    return Standing(loss, metric, results, 0.5)


def ranking(head, better, worse, low, high, seeds=3, p=0.5, **values):
    """A ranking of two: `better` minus `worse` is between `low` and `high`."""
    rows = (standing(head, better, seeds=seeds), standing(head, worse, seeds=seeds))
    pair = Pair(better, worse, (low + high) / 2, low, high, p, 0.6)
    facts = {"margin": 0.02 if head == "mask" else 0.004, "images": 100}
    return Ranking(head, find(HEADLINE[head]), rows, **(facts | {"pairs": (pair,)} | values))


MASK = ranking("mask", "dice", "both", -0.01, 0.0171)
DEPTH = ranking("depth", "both", "ssim", -0.0021, 0.0012)


def on(head, ranking, config):
    return next(joint.on_head(one) for one in joint.comparisons([ranking], config) if one.ranking.head == head)


def test_without_joint_trainings_nothing_is_said(config):
    assert joint.sentences([MASK, DEPTH], config.model_copy(update={"joint": JointConfig()})) == []


SEPARATE = "separate networks trained with"


def test_a_study_of_one_joint_training_in_words(config):
    assert joint.sentences([MASK, DEPTH], config) == [
        "both: One network with both heads: dice for the mask, ssim for the depth, weighting equal. "
        f"On the mask it is at most 0.018 IoU worse than {SEPARATE} dice, within the margin of 0.020, "
        "and at most 0.010 better. "
        f"On the depth it is at most 0.0012 of the depth range worse than {SEPARATE} ssim, within the margin of "
        "0.0040, and at most 0.0021 better. "
        "One network can replace two: on neither head it is worse by more than the margin. "
        "A training takes 10 s, the 2 separate ones take 20 s together."
    ]


@pytest.mark.parametrize(
    ("head", "better", "worse", "low", "high", "expected"),
    [
        ("mask", "both", "dice", 0.0101, 0.03, f"better than {SEPARATE} dice, by 0.010 to 0.030 IoU."),
        ("mask", "dice", "both", 0.0101, 0.03, f"worse than {SEPARATE} dice, by 0.010 to 0.030 IoU."),
        ("depth", "both", "ssim", -0.003, -0.001, f"better than {SEPARATE} ssim, by 0.0010 to 0.0030 of"),
        ("depth", "ssim", "both", -0.003, -0.001, f"worse than {SEPARATE} ssim, by 0.0010 to 0.0030 of"),
        (
            "mask",
            "dice",
            "both",
            -0.01,
            0.0201,
            f"perhaps better or worse than {SEPARATE} dice: from 0.021 worse to 0.010",
        ),
        (
            "depth",
            "ssim",
            "both",
            -0.005,
            0.001,
            f"perhaps better or worse than {SEPARATE} ssim: from 0.0050 worse to 0.0",
        ),
    ],
)
def test_which_way_a_difference_goes(head, better, worse, low, high, expected, config):
    assert f"On the {head} it is {expected}" in on(head, ranking(head, better, worse, low, high), config)


def test_one_seed_is_about_networks_and_never_about_trainings(config):
    rankings = [
        ranking("mask", "dice", "both", -0.01, 0.01, seeds=1),
        ranking("depth", "both", "ssim", -0.001, 0.001, 1),
    ]
    text = joint.sentences(rankings, config)[0]
    assert "worse than the separate network trained with dice" in text
    assert "can replace two" not in text


def test_to_replace_two_takes_both_heads(config):
    worse = ranking("depth", "ssim", "both", -0.0041, 0.001)
    a_little = ranking("mask", "dice", "both", 0.001, 0.0171)
    cases = [([MASK, DEPTH], True), ([a_little, DEPTH], True), ([MASK, worse], False), ([worse, MASK], False)]
    for heads, said in cases:
        text = joint.sentences(heads, config)[0]
        assert ("can replace two" in text) is said and "as good as" not in text


def test_what_has_no_separate_network_is_said(config):
    other = config.model_copy(update={"joint": config.joint.model_copy(update={"names": ["other"]})})
    mask = ranking("mask", "dice", "other", -0.01, 0.01)
    assert on("mask", mask, other) == "On the mask there is no separate network with bce to compare it with."


def test_trials_that_failed_are_not_compared(config):
    for place in (0, 1):
        rows = list(MASK.standings)
        rows[place] = replace(rows[place], results=(replace(rows[place].results[0], verdict="all background"),))
        found = on("mask", replace(MASK, standings=tuple(rows), pairs=()), config)
        assert found.endswith("trained with dice: trials failed.")
        rows[place] = replace(rows[place], results=(replace(rows[place].results[0], status=MISSING),))
        found = on("mask", replace(MASK, standings=tuple(rows), pairs=()), config)
        assert found.endswith("trained with dice: trials have no result.")


@pytest.mark.parametrize("values", [{"pairs": (), "images": 0}, {"pairs": (Pair("dice", "both", 0, 0, 0, 1, 0.5),)}])
def test_without_an_interval_nothing_is_known(values, config):
    assert on("mask", replace(MASK, **values), config) == "On the mask nothing is known beyond these trials."


@pytest.mark.parametrize("key", joint.SAME_MACHINE)
def test_times_of_different_machines_or_data_are_not_compared(key, config):
    found = joint.comparisons([MASK, DEPTH], config)
    assert joint.time(found) == ["A training takes 10 s, the 2 separate ones take 20 s together."]
    elsewhere = replace(found[1], separate=standing("depth", "ssim", **{key: "another"}))
    assert joint.time([found[0], elsewhere]) == []


def test_long_times_are_in_whole_seconds(config):
    long = replace(MASK, standings=(standing("mask", "dice", 1234.4), standing("mask", "both", 10_234.5)))
    assert joint.time(joint.comparisons([long, DEPTH], config)) == [
        "A training takes 10,234 s, the 2 separate ones take 1,244 s together."
    ]


def test_no_time_without_a_separate_network_or_a_sound_trial(config):
    found = joint.comparisons([MASK, DEPTH], config)
    assert joint.time([found[0], replace(found[1], separate=None)]) == []
    failed = replace(found[1].joint, results=tuple(replace(one, verdict="x") for one in found[1].joint.results))
    assert joint.time([found[0], replace(found[1], joint=failed)]) == []


def test_which_joint_training_is_the_best_one(config):
    two = config.model_copy(update={"joint": config.joint.model_copy(update={"names": ["both", "other"]})})
    known = ranking("mask", "both", "other", 0.01, 0.02, p=0.01)
    assert joint.best_of(known, two) == [
        "Of the compared joint trainings both has the best mean on the mask; other is worse."
    ]
    unknown = ranking("mask", "both", "other", -0.01, 0.02, p=0.5)
    assert joint.best_of(unknown, two)[0].endswith("on the mask; no other one is known to be worse.")
    assert "of these networks;" in joint.best_of(ranking("mask", "both", "other", 0.01, 0.02, 1, p=0.01), two)[0]
    assert joint.best_of(known, config) == []
    assert joint.best_of(replace(known, pairs=()), two) == []
