"""Dice coefficient, also called F1 score: 2 TP / (2 TP + FP + FN)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loss_study.metrics.base import Metric
from loss_study.metrics.counting import Counts, mean_of_present, ratio

if TYPE_CHECKING:
    from torch import Tensor

DICE = Metric(
    "dice",
    "Dice",
    "Twice the pixels marked in both, over the pixels marked in each; mean over images.",
    lowest=0,
    highest=1,
)
DICE_DATASET = Metric(
    "dice_dataset", "Dice, pooled", "Dice of the pixels of all images counted together.", lowest=0, highest=1
)

CLASS_MEAN_DICE = Metric(
    "dice",
    "mDice",
    "Dice of each class that an image or its prediction has, their mean; mean over images.",
    lowest=0,
    highest=1,
)
CLASS_MEAN_DICE_DATASET = Metric(
    "dice_dataset",
    "mDice, pooled",
    "Dice of each class over the pixels of all images together, their mean.",
    lowest=0,
    highest=1,
)


def dice(counts: Counts) -> Tensor:
    """Return the Dice coefficient of each image, in [0, 1]; 1 where both masks are empty."""
    return ratio(2 * counts.true_positives, _sizes(counts), counts.union)


def class_mean_dice(counts: Counts) -> Tensor:
    """Return the mean of the Dice coefficients of the classes that the image or its prediction has, in [0, 1]."""
    return mean_of_present(2 * counts.true_positives / _sizes(counts))


def _sizes(counts: Counts) -> Tensor:
    """Return the pixels of the prediction plus those of the target."""
    return 2 * counts.true_positives + counts.false_positives + counts.false_negatives
