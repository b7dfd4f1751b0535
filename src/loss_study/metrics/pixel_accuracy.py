"""Pixel accuracy: the share of the valid pixels that are classified as in the ground truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loss_study.metrics.base import Metric
from loss_study.metrics.counting import Counts

if TYPE_CHECKING:
    from torch import Tensor

PIXEL_ACCURACY = Metric(
    "pixel_accuracy",
    "Pixel accuracy",
    "Share of the pixels that are classified as in the ground truth.",
    lowest=0,
    highest=1,
)
CLASS_PIXEL_ACCURACY = Metric(
    "pixel_accuracy", "Pixel accuracy", "Share of the pixels whose class is right.", lowest=0, highest=1
)


def pixel_accuracy(counts: Counts, pixels: Tensor) -> Tensor:
    """Return the pixel accuracy of each image, in [0, 1]; `pixels` is the number of its valid pixels, (N,)."""
    return (pixels - counts.false_positives - counts.false_negatives) / pixels


def class_pixel_accuracy(counts: Counts, pixels: Tensor) -> Tensor:
    """Return the same for a mask of several classes."""
    return counts.true_positives.sum(dim=1) / pixels
