"""Scale and shift of a predicted depth map, fitted to the ground truth of its image by least squares.

Source: Ranftl, Lasinger, Hafner, Schindler and Koltun, Towards Robust Monocular Depth Estimation (MiDaS, 2020), eq. 4.
They fit inverse depth. Coded depth z / (z + h) is 1 - h / (z + h): linear in an inverse depth that is finite at the
camera, so it is fitted as it is.
"""

from __future__ import annotations

import torch
from torch import Tensor

from loss_study.metrics.counting import mean_over_pixels


def aligned(prediction: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Return s p + o of each image, limited to [0, 1], with the s and o that minimise sum w (s p + o - t)^2.

    The s of a constant prediction is 0. All float64 (N, 1, H, W); an image without a pixel of weight 1 has NaN.
    """

    def mean(values: Tensor) -> Tensor:
        return mean_over_pixels(values, weight).view(-1, 1, 1, 1)

    mean_p, mean_t = mean(prediction), mean(target)
    centred = prediction - mean_p
    covariance, variance = mean(centred * (target - mean_t)), mean(centred.square())
    scale = torch.where(variance > 0, covariance / variance, 0.0)
    return (scale * centred + mean_t).clamp(0, 1)
