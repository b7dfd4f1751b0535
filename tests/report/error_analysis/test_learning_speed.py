"""How quickly losses learned, by hand."""

import math

import numpy as np
import pytest

from loss_study.metrics import find
from loss_study.report.error_analysis import learning_speed
from support.evidence import known, result


def test_epochs_to_90_percent_of_a_mask():
    # From 0 to 0.8: nine tenths is 0.72.
    assert learning_speed.epochs_to_90_percent(result(validation=[0.3, 0.71, 0.73, 0.8, 0.75]), 0.0) == 3
    assert learning_speed.epochs_to_90_percent(result(validation=[0.8]), 0.0) == 1


def test_epochs_to_90_percent_of_a_depth_map():
    # From 0.3 down to 0.1: nine tenths of the way is 0.12.
    assert learning_speed.epochs_to_90_percent(result("depth", [0.5, 0.13, 0.119, 0.1]), 0.3) == 3


def test_a_trial_that_learned_nothing_has_no_such_epoch():
    assert learning_speed.epochs_to_90_percent(result(validation=[0.0, 0.0]), 0.0) is None
    assert learning_speed.epochs_to_90_percent(result("depth", [0.4, math.nan]), 0.3) is None


def test_baseline(sample):
    assert learning_speed.baseline("mask", sample) == 0
    target = sample.depths[sample.rows("validation")] / 65535
    by_image = [np.sqrt(np.mean((image - sample.statistics["depth_mean"]) ** 2)) for image in target]
    assert learning_speed.baseline("depth", sample) == pytest.approx(np.mean(by_image))


def test_learning_sentences_by_hand():
    slow = [result(validation=[0.1, 0.3, 0.8], test={"iou": value}) for value in (0.7, 0.8)]
    quick = [result(validation=[0.8, 0.8, 0.8], test={"iou": value}) for value in (0.75, 0.76)]
    evidence = [known("l1", trials=slow), known("bce", trials=quick)]
    assert learning_speed.sentences(evidence, find("iou"), 0.0) == [
        "90 % of the way is reached by epoch 1 (bce) to epoch 3 (l1).",
        "IoU of a loss's seeds lies within 0.010 (bce) to 0.100 (l1).",
    ]


def test_four_losses_that_learn_equally_fast_are_all_named():
    trials = [result(validation=[0.8, 0.8, 0.8], test={"iou": 0.8})]
    slow = [result(validation=[0.1, 0.3, 0.8], test={"iou": 0.8})]
    evidence = [known(loss, trials=trials) for loss in ("bce", "dice", "l1", "huber")]
    assert learning_speed.sentences(evidence, find("iou"), 0.0) == []
    assert learning_speed.sentences([*evidence, known("ssim", trials=slow)], find("iou"), 0.0) == [
        "90 % of the way is reached by epoch 1 (bce, dice, l1 and huber) to epoch 3 (ssim).",
    ]
