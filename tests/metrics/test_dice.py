"""Dice, of one class and of several."""

import pytest
import torch

from loss_study.metrics.counting import Counts
from loss_study.metrics.dice import class_mean_dice, dice
from loss_study.metrics.iou import iou
from loss_study.metrics.masks import above_threshold
from loss_study.metrics.precision_recall import precision, recall
from support.predictions import blobs


def test_by_hand():
    counts = Counts(*(torch.tensor(values).double() for values in ([2, 0, 0], [3, 1, 0], [2, 0, 0])))
    assert dice(counts).tolist() == pytest.approx([4 / 9, 0, 1])


def test_it_follows_from_iou_and_is_the_harmonic_mean_of_precision_and_recall():
    counts = Counts.of(above_threshold(**blobs()))
    p, r = precision(counts), recall(counts)
    torch.testing.assert_close(dice(counts), 2 * iou(counts) / (1 + iou(counts)))
    torch.testing.assert_close(dice(counts), 2 * p * r / (p + r))


def test_the_mean_leaves_out_a_class_that_is_nowhere():
    counts = Counts(*(torch.tensor([values]).double() for values in ([4, 0, 0], [1, 0, 2], [0, 0, 2])))
    assert class_mean_dice(counts).tolist() == pytest.approx([(8 / 9 + 0) / 2])
