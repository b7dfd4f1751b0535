"""Metrics of the depth head. Depths are relative, in [0, 1], 1 being farthest.

With prediction p and truth t, means being over the pixels of one image:

- rmse = sqrt(mean (p - t)^2), mae = mean |p - t|, in shares of the depth range, the lower the better;
- abs_rel = mean |p - t| / t, log10 = mean |log10 p - log10 t|, the lower the better;
- delta1, delta2, delta3 = share of the pixels with max(p / t, t / p) < 1.25, 1.25^2, 1.25^3, the higher the better;
- ssim, the mean structural similarity, in [-1, 1], the higher the better: see `loss_study.structural_similarity`.

Pixels without a truth are not counted, and the windows of ssim do not see them; an image without a truth has NaN.
For the ratios and logarithms p and t are raised to at least 1/255, the smallest depth that a picture tells from 0.

Source: Eigen, Puhrsch and Fergus, Depth Map Prediction from a Single Image (2014); log10 as in Saxena,
Sun and Ng, Make3D (2009).
"""

from __future__ import annotations

import torch

from loss_study.metrics import FOREGROUND
from loss_study.metrics.arguments import check_pair, known_pixels
from loss_study.metrics.structural_similarity import ssim_map

LEAST_DEPTH = 1 / 255
CONSTANT_SHARE = 0.05


def per_image(
    *,
    prediction: torch.Tensor,
    target: torch.Tensor,
    valid: torch.Tensor | None = None,
    foreground: torch.Tensor | None = None,
) -> dict[str, torch.Tensor]:
    """Return the metrics above, each float64 (N,), and with `foreground` also those over its pixels, as ``rmse_fg``.

    Args:
        prediction: depth, float (N, 1, H, W) in [0, 1].
        target: true depth, float (N, 1, H, W) in [0, 1] in steps of 1/255.
        valid: 1 where a pixel has a truth, else 0, (N, 1, H, W); None: all have.
        foreground: true mask, float (N, 1, H, W) in [0, 1], foreground above 0.5. An image without foreground has NaN
            in the columns of the foreground. ``ssim_fg`` is the mean over the windows centred on the foreground.

    Raises:
        ValueError: shapes, ranges, or prediction and target swapped.
    """
    check_pair(prediction, target, valid)
    p, t = prediction.double(), target.double()
    known = None if valid is None else valid.double()
    maps = _maps(p, t, known)
    everywhere = torch.ones_like(t) if known is None else known
    columns = _metrics(maps, everywhere)
    if foreground is not None:
        check_pair(prediction, foreground)
        inside = (foreground > 0.5) * everywhere
        columns |= {name + FOREGROUND: values for name, values in _metrics(maps, inside).items()}
    return columns


def aggregate(columns: dict[str, torch.Tensor]) -> dict[str, float]:
    """Return the mean of each column over the images that have a value; NaN if none has."""
    return {name: float(values.nanmean()) for name, values in columns.items()}


def rmse(*, prediction: torch.Tensor, target: torch.Tensor, valid: torch.Tensor | None = None) -> torch.Tensor:
    """Return the RMSE of each image, float64 (N,), NaN without a truth; the arguments are those of `per_image`."""
    check_pair(prediction, target, valid)
    squared = (prediction.double() - target.double()).square()
    return (squared.mean(dim=(1, 2, 3)) if valid is None else _mean(squared, valid)).sqrt()


def collapse(*, prediction: torch.Tensor, target: torch.Tensor, valid: torch.Tensor | None = None) -> str:
    """Return "constant depth" or ""; the criterion is in `loss_study.metrics.collapse`."""
    check_pair(prediction, target, valid)
    known = known_pixels(target, valid)
    predicted, true = (tensor.double()[known].std() for tensor in (prediction, target))
    return "constant depth" if predicted < CONSTANT_SHARE * true else ""


def _maps(p: torch.Tensor, t: torch.Tensor, known: torch.Tensor | None) -> dict[str, torch.Tensor]:
    error = p - t
    p_least, t_least = p.clamp_min(LEAST_DEPTH), t.clamp_min(LEAST_DEPTH)
    factor = torch.maximum(p_least / t_least, t_least / p_least)
    return {
        "squared": error.square(),
        "mae": error.abs(),
        "abs_rel": (p_least - t_least).abs() / t_least,
        "log10": factor.log10(),
        **{f"delta{power}": (factor < 1.25**power).double() for power in (1, 2, 3)},
        "ssim": ssim_map(p, t, known),
    }


def _metrics(maps: dict[str, torch.Tensor], weight: torch.Tensor) -> dict[str, torch.Tensor]:
    means = {name: _mean(values, weight) for name, values in maps.items()}
    return {"rmse": means.pop("squared").sqrt(), **means}


def _mean(values: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Return the mean over the pixels of weight 1, (N,); NaN without any."""
    return (values * weight).sum(dim=(1, 2, 3)) / weight.sum(dim=(1, 2, 3))
