"""Precision and recall."""

from itertools import pairwise

import torch

from loss_study.metrics.counting import Counts
from loss_study.metrics.masks import above_threshold
from loss_study.metrics.precision_recall import precision, recall
from support.predictions import blobs


def test_by_hand():
    # Found in part; nothing predicted; nothing to find; neither.
    counts = Counts(*(torch.tensor(values).double() for values in ([3, 0, 0, 0], [1, 0, 5, 0], [2, 4, 0, 0])))
    assert precision(counts).tolist() == [3 / 4, 0, 0, 1]
    assert recall(counts).tolist() == [3 / 5, 0, 0, 1]


def test_each_is_the_other_with_prediction_and_target_swapped():
    prediction, target = ((tensor > 0.5).float() for tensor in blobs().values())
    there, back = Counts.of(above_threshold(prediction, target)), Counts.of(above_threshold(target, prediction))
    assert torch.equal(precision(there), recall(back)) and torch.equal(recall(there), precision(back))


def test_a_higher_threshold_never_raises_recall():
    recalls = [recall(Counts.of(above_threshold(**blobs(), threshold=k / 10))) for k in range(1, 10)]
    assert all((low >= high).all() for low, high in pairwise(recalls))
