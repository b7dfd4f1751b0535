"""A ranking in sentences: what is said, and when."""

import dataclasses

import numpy as np

from loss_study.metrics import find
from loss_study.statistics.pairwise import Pair
from loss_study.statistics.ranking import Ranking, Standing
from loss_study.statistics.results import Result
from loss_study.statistics.sentences import caveats, conclusion
from loss_study.trial import Trial
from support.made_up_scores import ranked, study


def trials(loss):
    return tuple(
        Result(Trial("mask", loss, seed), "finished", "", "", {}, {"iou_at_best": 0.9}, None, (), ())
        for seed in range(3)
    )


def ranking_of(metric, losses, *pairs):
    """A ranking of `losses`, best first, in which only `pairs` (better, worse, low, high) are significant."""
    known = {(better, worse): ends for better, worse, *ends in pairs}
    tested = tuple(
        Pair(a, b, 0.05, *known.get((a, b), (-0.1, 0.1)), 0.01 if (a, b) in known else 0.5, 0.7)
        for place, a in enumerate(losses)
        for b in losses[place + 1 :]
    )
    standings = tuple(Standing(loss, find(metric), trials(loss), 0.9, 0.8, 0.95, 2.0) for loss in losses)
    return Ranking("mask", find(metric), standings, tested, 200, 24, "object")


def test_two_best_losses_in_a_sentence():
    found = ranking_of(
        "iou", ["dice", "weighted_bce", "bce"], ("dice", "bce", 0.041, 0.07), ("weighted_bce", "bce", 0.04, 0.066)
    )
    assert (
        conclusion(found) == "dice and weighted_bce do not differ significantly on IoU; both beat bce by 0.040-0.070."
    )


def test_one_best_loss_in_a_sentence():
    found = ranking_of("rmse", ["ssim", "l1", "bce"], ("ssim", "l1", -0.02, -0.01), ("ssim", "bce", -0.031, -0.02))
    assert conclusion(found) == "ssim is best on RMSE: it beats l1 by 0.0100-0.0200 and bce by 0.0200-0.0310."


def test_losses_that_beat_different_ones_are_named_apart():
    losses = ["a", "b", "c", "d", "e"]
    pairs = [("a", "d", 0.1, 0.2), ("a", "e", 0.3, 0.4), ("b", "e", 0.2, 0.3), ("c", "e", 0.2, 0.5)]
    assert conclusion(ranking_of("iou", losses, *pairs)) == (
        "a, b and c do not differ significantly on IoU; a beats d by 0.100-0.200; all beat e by 0.200-0.500."
    )


def test_a_loss_that_is_beaten_by_another_than_the_best_is_not_among_the_best():
    found = ranking_of("iou", ["erratic", "steady", "worse"], ("steady", "worse", 0.1, 0.12))
    assert found.best_group == ["erratic", "steady"]
    assert (
        conclusion(found) == "erratic and steady do not differ significantly on IoU; steady beats worse by 0.100-0.120."
    )


def test_nothing_significant_in_a_sentence():
    found = ranking_of("iou", ["dice", "bce"])
    start = "No difference between dice and bce is significant on IoU"
    assert conclusion(found) == f"{start} (smallest p value: 0.50, dice against bce)."
    nothing = dataclasses.replace(found, pairs=(dataclasses.replace(found.pairs[0], p_adjusted=1.0),))
    assert conclusion(nothing) == f"{start}."


def test_one_seed_is_said_in_the_sentence():
    assert conclusion(ranked(study([0.7, 0.9], seeds=1))).startswith("With this one seed, l1 is best on IoU: it beats")


def test_a_loss_alone_in_a_sentence():
    assert conclusion(ranking_of("iou", ["dice"])).startswith("Only dice trained with every seed")


def test_caveats_say_what_was_resampled():
    assert caveats(ranked(study([0.8, 0.9]))) == [
        "The intervals come from 3 seeds per loss and the 200 test images of 24 objects."
    ]
    assert "use three or more" in caveats(ranked(study([0.8, 0.9], seeds=2)))[0]
    one = caveats(ranked(study([0.8, 0.9], seeds=1)))
    assert one[0].startswith("One seed per loss: the intervals come from the 200 test images of 24 objects alone.")
    assert one[0].endswith("another seed may change the order.")
    single = dataclasses.replace(study([0.8, 0.9]), clusters=np.arange(200), unit="image")
    assert caveats(ranked(single)) == [
        "The intervals come from 3 seeds per loss and the 200 test images.",
        "Objects and backgrounds are unknown: if test images share an object, the intervals are too narrow.",
    ]
