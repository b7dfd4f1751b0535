"""The metrics of the depth. Depths are relative, in [0, 1], 1 being farthest.

Invalid pixels are not counted, and the windows of SSIM do not see them; an image without a valid pixel has NaN.
"""

from __future__ import annotations

import torch
from torch import Tensor

from loss_study.metrics import masks
from loss_study.metrics.abs_rel import ABS_REL, abs_rel
from loss_study.metrics.arguments import check_pair
from loss_study.metrics.base import FOREGROUND
from loss_study.metrics.counting import mean_over_pixels
from loss_study.metrics.delta import DELTA1, DELTA2, DELTA3, delta
from loss_study.metrics.log10 import LOG10, log10
from loss_study.metrics.mae import MAE, mae
from loss_study.metrics.rmse import RMSE, rmse
from loss_study.metrics.ssim import SSIM, ssim_map


def columns(
    *, prediction: Tensor, target: Tensor, valid: Tensor | None = None, foreground: Tensor | None = None
) -> dict[str, Tensor]:
    """Return all metrics of each image, each float64 (N,), and with `foreground` also those over its pixels.

    Args:
        prediction: depth, float (N, 1, H, W) in [0, 1].
        target: depth, float (N, 1, H, W) in [0, 1] in steps of 1/255.
        valid: 1 where a pixel has ground truth, else 0, (N, 1, H, W); None: all have.
        foreground: target of the mask, float (N, 1, H, W) in [0, 1], foreground above 0.5. An image without foreground
            has NaN in the columns of the foreground. ``ssim_fg`` is the mean over the windows centred on it.

    Raises:
        ValueError: shapes, ranges, or prediction and target swapped.
    """
    check_pair(prediction, target, valid)
    p, t = prediction.double(), target.double()
    ssim_N1HW = ssim_map(p, t, None if valid is None else valid.double())
    everywhere = torch.ones_like(t) if valid is None else valid.double()
    values = _columns(p, t, ssim_N1HW, everywhere)
    if foreground is not None:
        check_pair(prediction, foreground)
        inside = masks.foreground(foreground) * everywhere
        values |= {name + FOREGROUND: value for name, value in _columns(p, t, ssim_N1HW, inside).items()}
    return values


def _columns(p: Tensor, t: Tensor, ssim_N1HW: Tensor, weight_N1HW: Tensor) -> dict[str, Tensor]:
    return {
        RMSE.name: rmse(p, t, weight_N1HW),
        MAE.name: mae(p, t, weight_N1HW),
        ABS_REL.name: abs_rel(p, t, weight_N1HW),
        LOG10.name: log10(p, t, weight_N1HW),
        DELTA1.name: delta(p, t, 1, weight_N1HW),
        DELTA2.name: delta(p, t, 2, weight_N1HW),
        DELTA3.name: delta(p, t, 3, weight_N1HW),
        SSIM.name: mean_over_pixels(ssim_N1HW, weight_N1HW),
    }


def summary(columns: dict[str, Tensor]) -> dict[str, float]:
    """Return the mean of each column over the images that have a value; NaN if none has."""
    return {name: float(values.nanmean()) for name, values in columns.items()}
