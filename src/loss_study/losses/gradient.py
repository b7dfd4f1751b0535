"""Difference of the slopes at several resolutions: edges and tilts count, a constant shift of the depth does not."""

from __future__ import annotations

from typing import Annotated, cast

import torch
from torch import Tensor

from loss_study.losses.shared.base import Loss
from loss_study.losses.shared.options import Range
from loss_study.losses.shared.pixels import mean
from loss_study.runtime.errors import StudyError


def gradient(
    logits: Tensor, target: Tensor, *, scales: Annotated[int, Range(ge=1)] = 4, valid: Tensor | None = None
) -> Tensor:
    """Return the sum over scales of mean |e(right) - e| + mean |e(below) - e|; (N, 1, H, W) to (N,), 0 or more.

    e = sigmoid(logits) - target, at scale k only every 2^k-th pixel of every 2^k-th row; the means are over pairs of
    neighbours that are both valid. Source: Li and Snavely, MegaDepth (2018), eq. 4, on depths in the place of their
    logarithms, as Ranftl et al. (2020), eq. 11; with one scale the gradient term of Alhashim and Wonka, High
    Quality Monocular Depth Estimation via Transfer Learning (2018), eq. 3.

    Args:
        scales: how many, the first being the full resolution; the last needs two rows and columns.
        valid: float (N, 1, H, W), 0 at invalid pixels, which are left out.

    Raises:
        StudyError: the image is too small for the last scale.
    """
    height, width = target.shape[-2:]
    if 2 ** (scales - 1) >= min(height, width):
        raise StudyError(
            f"loss_options.gradient.scales: {scales} do not fit into an image of {height} x {width}; lower it"
        )
    error = torch.sigmoid(logits) - target
    steps = [2**k for k in range(scales)]
    steepness = (_steepness(_every(step, error), None if valid is None else _every(step, valid)) for step in steps)
    return cast("Tensor", sum(steepness))


def _every(step: int, image: Tensor) -> Tensor:
    return image[..., ::step, ::step]


def _steepness(error: Tensor, valid: Tensor | None) -> Tensor:
    means = (mean(error.diff(dim=dim).abs(), None if valid is None else _both(valid, dim)) for dim in (2, 3))
    return cast("Tensor", sum(means))


def _both(valid: Tensor, dim: int) -> Tensor:
    """Return where two neighbours along `dim` are both valid."""
    count = valid.shape[dim] - 1
    return valid.narrow(dim, 0, count) * valid.narrow(dim, 1, count)


LOSS = Loss(
    gradient,
    heads=("depth",),
    notes={
        "depth": "Minimised by the ground truth, but also by the ground truth moved nearer or farther as a whole: "
        "meant to be combined with l1 or rmse, which fix that shift."
    },
)
