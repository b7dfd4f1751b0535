"""Root mean squared error (RMSE) of the depth: sqrt(mean (p - t)^2) over the pixels of an image.

Source: Eigen, Puhrsch and Fergus, Depth Map Prediction from a Single Image (2014).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from loss_study.metrics.base import METRES, Metric
from loss_study.metrics.counting import mean_over_pixels

if TYPE_CHECKING:
    from torch import Tensor

RMSE = Metric(
    "rmse",
    "RMSE",
    "Root of the mean squared error of an image; mean over images.",
    higher_is_better=False,
    unit=METRES,
    lowest=0,
)


def rmse(prediction: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """Return the RMSE of each image, (N,), over the pixels of weight 1; all float64 (N, 1, H, W), in one unit."""
    return mean_over_pixels((prediction - target).square(), weight).sqrt()
