"""Mean absolute error (MAE) of the depth: mean |p - t| over the pixels of an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loss_study.metrics.base import METRES, Metric
from loss_study.metrics.counting import mean_over_pixels

if TYPE_CHECKING:
    from torch import Tensor

MAE = Metric(
    "mae", "MAE", "Mean absolute error of an image; mean over images.", higher_is_better=False, unit=METRES, lowest=0
)


def mae(prediction: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """Return the MAE of each image, (N,), over the pixels of weight 1; all float64 (N, 1, H, W), in one unit."""
    return mean_over_pixels((prediction - target).abs(), weight)
