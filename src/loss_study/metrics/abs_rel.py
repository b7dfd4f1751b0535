"""Absolute relative error (AbsRel) of the depth: mean |p - t| / t over the pixels of an image.

p and t are metres, above 0.
Source: Eigen, Puhrsch and Fergus, Depth Map Prediction from a Single Image (2014).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from loss_study.metrics.base import Metric
from loss_study.metrics.counting import mean_over_pixels

if TYPE_CHECKING:
    from torch import Tensor

ABS_REL = Metric(
    "abs_rel", "AbsRel", "Mean absolute error relative to the true depth.", higher_is_better=False, lowest=0
)


def abs_rel(prediction: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """Return AbsRel of each image, (N,), over the pixels of weight 1; all float64 (N, 1, H, W), above 0."""
    return mean_over_pixels((prediction - target).abs() / target, weight)
