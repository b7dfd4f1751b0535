"""Threshold accuracies of the depth: the share of the pixels with max(p / t, t / p) below 1.25, 1.25^2 and 1.25^3.

p and t are metres, above 0.
Source: Eigen, Puhrsch and Fergus, Depth Map Prediction from a Single Image (2014).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from loss_study.metrics.base import Metric
from loss_study.metrics.counting import mean_over_pixels
from loss_study.metrics.depth_ratios import factor

if TYPE_CHECKING:
    from torch import Tensor

DELTA1 = Metric(
    "delta1", "δ < 1.25", "Share of the pixels whose depth is right within a factor of 1.25.", lowest=0, highest=1
)
DELTA2 = Metric(
    "delta2", "δ < 1.25²", "Share of the pixels whose depth is right within a factor of 1.5625.", lowest=0, highest=1
)
DELTA3 = Metric(
    "delta3", "δ < 1.25³", "Share of the pixels whose depth is right within a factor of 1.953.", lowest=0, highest=1
)


def delta(prediction: Tensor, target: Tensor, power: int, weight: Tensor | None = None) -> Tensor:
    """Return the share of the pixels within a factor of 1.25^`power`, (N,), in [0, 1], of those of weight 1.

    All float64 (N, 1, H, W), above 0.
    """
    return mean_over_pixels((factor(prediction, target) < 1.25**power).double(), weight)
