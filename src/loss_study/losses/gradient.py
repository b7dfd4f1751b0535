"""Difference of the slopes, fine and coarse: edges and tilts must be where they are, how far away does not count."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from loss_study.losses._pixels import mean
from loss_study.runtime.errors import StudyError

HEADS = ("depth",)
NOTES = {
    "depth": "Minimised by the truth, but by the truth moved nearer or farther as a whole as well: made to be combined "
    "with l1 or rmse, which say where that is.",
}


def loss(
    logits: Tensor, target: Tensor, *, scales: Annotated[int, Field(ge=1)] = 4, valid: Tensor | None = None
) -> Tensor:
    """Return the sum over scales of mean |e(right) - e| + mean |e(below) - e|; (N, 1, H, W) to (N,), 0 or more.

    e = sigmoid(logits) - target, at scale k only every 2^k-th pixel of every 2^k-th row; the means are over pairs of
    neighbours that are both valid. Source: Li and Snavely, MegaDepth (2018), eq. 4, on depths in the place of their
    logarithms, as Ranftl et al. (2020), eq. 11; with one scale the gradient term of Alhashim and Wonka, High
    Quality Monocular Depth Estimation via Transfer Learning (2018), eq. 3.

    Args:
        scales: how many, the first being the full resolution; the last needs two rows and columns.
        valid: float (N, 1, H, W), 0 where a pixel has no truth and is left out.

    Raises:
        StudyError: the picture is too small for the last scale.
    """
    height, width = target.shape[-2:]
    if 2 ** (scales - 1) >= min(height, width):
        raise StudyError(
            f"loss_options.gradient.scales: {scales} do not fit into a picture of {height} x {width}; lower it"
        )
    error = torch.sigmoid(logits) - target
    return sum(_steepness(_every(2**k, error), _every(2**k, valid)) for k in range(scales))


def _every(step: int, picture: Tensor | None) -> Tensor | None:
    return None if picture is None else picture[..., ::step, ::step]


def _steepness(error: Tensor, valid: Tensor | None) -> Tensor:
    return sum(mean(error.diff(dim=dim).abs(), None if valid is None else _both(valid, dim)) for dim in (2, 3))


def _both(valid: Tensor, dim: int) -> Tensor:
    """Return where two neighbours along `dim` are both valid."""
    count = valid.shape[dim] - 1
    return valid.narrow(dim, 0, count) * valid.narrow(dim, 1, count)
