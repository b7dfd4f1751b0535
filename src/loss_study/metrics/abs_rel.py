"""Absolute relative error (AbsRel) of the depth: mean |p - t| / t over the pixels of an image.

p and t are raised to at least 1/255 (`depth_ratios`).
Source: Eigen, Puhrsch and Fergus, Depth Map Prediction from a Single Image (2014).
"""

from __future__ import annotations

from torch import Tensor

from loss_study.metrics.base import Metric
from loss_study.metrics.counting import mean_over_pixels
from loss_study.metrics.depth_ratios import at_least

ABS_REL = Metric("abs_rel", "AbsRel", "Mean absolute error relative to the true depth.", higher_is_better=False)


def abs_rel(prediction: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """Return AbsRel of each image, (N,), over the pixels of weight 1; all float64 (N, 1, H, W), depths in [0, 1]."""
    p, t = at_least(prediction), at_least(target)
    return mean_over_pixels((p - t).abs() / t, weight)
