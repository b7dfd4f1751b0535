"""Precision TP / (TP + FP), the share of the predicted foreground that is right, and recall TP / (TP + FN)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loss_study.metrics.base import Metric
from loss_study.metrics.counting import Counts, ratio

if TYPE_CHECKING:
    from torch import Tensor

PRECISION = Metric(
    "precision", "Precision", "Share of the predicted foreground that is foreground.", lowest=0, highest=1
)
RECALL = Metric("recall", "Recall", "Share of the foreground that is predicted.", lowest=0, highest=1)


def precision(counts: Counts) -> Tensor:
    """Return the precision of each image, in [0, 1]; where nothing is predicted, 1 if the target is empty, else 0."""
    predicted = counts.true_positives + counts.false_positives
    return ratio(counts.true_positives, predicted, counts.union)


def recall(counts: Counts) -> Tensor:
    """Return the recall of each image, in [0, 1]; where the target is empty, 1 if nothing is predicted, else 0."""
    target = counts.true_positives + counts.false_negatives
    return ratio(counts.true_positives, target, counts.union)
