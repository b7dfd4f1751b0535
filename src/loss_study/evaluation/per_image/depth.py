"""The metrics of the depth: of depth as it is coded, in [0, 1], and, where the distance is known, in metres.

Invalid pixels are not counted, and the windows of SSIM do not see them; an image without a valid pixel has NaN. Metrics
in metres leave out the pixels whose ground truth lies at the end of the scale: how far they are is not known.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from loss_study.data.depth_scale import DepthScale
from loss_study.evaluation.per_image.chunks import in_chunks
from loss_study.metrics import masks
from loss_study.metrics.abs_rel import ABS_REL, abs_rel
from loss_study.metrics.alignment import aligned
from loss_study.metrics.arguments import DEPTH_STEPS, check_pair
from loss_study.metrics.base import FOREGROUND
from loss_study.metrics.counting import mean_over_pixels
from loss_study.metrics.delta import DELTA1, DELTA2, DELTA3, delta
from loss_study.metrics.log10 import LOG10, log10
from loss_study.metrics.mae import MAE, mae
from loss_study.metrics.rmse import RMSE, rmse
from loss_study.metrics.ssim import SSIM, ssim_map


def columns(
    *,
    prediction: Tensor,
    target: Tensor,
    valid: Tensor | None = None,
    foreground: Tensor | None = None,
    scale: DepthScale | None = None,
) -> dict[str, Tensor]:
    """Return all metrics of each image, each float64 (N,), and with `foreground` also those over its pixels.

    Args:
        prediction: depth, float (N, 1, H, W) in [0, 1].
        target: depth, float (N, 1, H, W) in [0, 1] in steps of 1/65535.
        valid: 1 where a pixel has ground truth, else 0, (N, 1, H, W); None: all have.
        foreground: target of the mask, float (N, 1, H, W) in [0, 1], foreground above 0.5. An image without foreground
            has NaN in the columns of the foreground. ``ssim_fg`` is the mean over the windows centred on it, and scale
            and shift are those of the whole image.
        scale: what depth is in metres; None: it is relative, and there are no metrics in metres.

    Raises:
        ValueError: shapes, ranges, or prediction and target swapped.
    """
    check_pair(prediction, target, valid, steps=DEPTH_STEPS)
    if foreground is not None:
        check_pair(prediction, foreground)
    return in_chunks(partial(_columns, scale=scale), prediction, target, valid, foreground)


def _columns(
    prediction: Tensor, target: Tensor, valid: Tensor | None, foreground: Tensor | None, scale: DepthScale | None
) -> dict[str, Tensor]:
    p, t = prediction.double(), target.double()
    everywhere = torch.ones_like(t) if valid is None else valid.double()
    fitted = aligned(p, t, everywhere)
    ssim_N1HW = ssim_map(p, t, None if valid is None else everywhere)

    def over(weight: Tensor) -> dict[str, Tensor]:
        values = _coded(p, t, fitted, weight) | {SSIM.name: mean_over_pixels(ssim_N1HW, weight)}
        if scale is None:
            return values
        in_range = (t * DEPTH_STEPS).round() < round(scale.farthest * DEPTH_STEPS)
        return values | _in_metres(scale.decode(p), scale.decode(t), scale.decode(fitted), weight * in_range)

    values = over(everywhere)
    if foreground is not None:
        inside = masks.foreground(foreground) * everywhere
        values |= {name + FOREGROUND: value for name, value in over(inside).items()}
    return values


def _coded(p: Tensor, t: Tensor, fitted: Tensor, weight: Tensor) -> dict[str, Tensor]:
    return {
        RMSE.coded().name: rmse(p, t, weight),
        MAE.coded().name: mae(p, t, weight),
        RMSE.coded().aligned().name: rmse(fitted, t, weight),
    }


def _in_metres(p: Tensor, t: Tensor, fitted: Tensor, weight: Tensor) -> dict[str, Tensor]:
    return {
        RMSE.name: rmse(p, t, weight),
        MAE.name: mae(p, t, weight),
        ABS_REL.name: abs_rel(p, t, weight),
        LOG10.name: log10(p, t, weight),
        DELTA1.name: delta(p, t, 1, weight),
        DELTA2.name: delta(p, t, 2, weight),
        DELTA3.name: delta(p, t, 3, weight),
        RMSE.aligned().name: rmse(fitted, t, weight),
        ABS_REL.aligned().name: abs_rel(fitted, t, weight),
    }


def summary(columns: dict[str, Tensor]) -> dict[str, float]:
    """Return the mean of each column over the images that have a value; NaN if none has."""
    return {name: float(values.nanmean()) for name, values in columns.items()}
