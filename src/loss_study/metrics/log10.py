"""Logarithmic error (log10) of the depth: mean |log10 p - log10 t| over the pixels of an image, in decades.

p and t are metres, above 0.
Source: Saxena, Sun and Ng, Make3D (2009).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from loss_study.metrics.base import Metric
from loss_study.metrics.counting import mean_over_pixels
from loss_study.metrics.depth_ratios import factor

if TYPE_CHECKING:
    from torch import Tensor

LOG10 = Metric(
    "log10",
    "log10",
    "Mean absolute difference of the decimal logarithms of the depths.",
    higher_is_better=False,
    unit="decades",
    lowest=0,
)


def log10(prediction: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """Return log10 of each image, (N,), over the pixels of weight 1; all float64 (N, 1, H, W), above 0."""
    return mean_over_pixels(factor(prediction, target).log10(), weight)
