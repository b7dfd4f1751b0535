"""Bilinear upsampling by two."""

from __future__ import annotations

import functools

import torch
from torch import Tensor
from torch.nn import functional as F


def upsample_twice(x: Tensor) -> Tensor:
    """Return `x` (N, C, H, W) bilinearly enlarged to (N, C, 2H, 2W), corners aligned; H and W at least 2.

    On a CPU as two matrix products, which makes a whole training step 5 to 7 % faster than torch's own interpolation
    (``benchmarks/step.py``). In float32 both agree to rounding.
    """
    if x.device.type != "cpu":
        return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
    batch, channels, height, width = x.shape
    rows, columns = (_doubling(side, x.dtype) for side in (height, width))
    x_NHWC = x.permute(0, 2, 3, 1)
    taller = (rows @ x_NHWC.reshape(batch, height, width * channels)).view(batch, 2 * height, width, channels)
    return (columns @ taller).permute(0, 3, 1, 2)


@functools.cache
def _doubling(side: int, dtype: torch.dtype) -> Tensor:
    """The matrix (2 side, side) that enlarges a line of pixels; each row holds the weights of its two neighbours."""
    place = torch.linspace(0, side - 1, 2 * side, dtype=torch.float64)
    left = place.floor().clamp(max=side - 2).long()
    share = place - left
    row = torch.arange(2 * side)
    matrix = torch.zeros(2 * side, side, dtype=torch.float64)
    matrix[row, left] = 1 - share
    matrix[row, left + 1] = share
    return matrix.to(dtype)
