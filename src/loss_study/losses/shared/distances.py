"""Distances of pixels to the outline of a mask, exact and in torch alone, for losses that weigh errors by them."""

from __future__ import annotations

import math

import torch
from torch import Tensor

#: Numbers in memory at a time.
CHUNK = 1 << 22


@torch.no_grad()
def to_outline(mask_NCHW: Tensor) -> Tensor:
    """Return how far every pixel is from the nearest one on the other side of the outline, (N, C, H, W), in (0, 1].

    The distance is Euclidean, between centres of pixels, as a share of the image's diagonal; 1 where all pixels of an
    image are on the same side.

    Args:
        mask_NCHW: foreground above 0.5.
    """
    inside = mask_NCHW > 0.5
    diagonal = math.hypot(*mask_NCHW.shape[-2:])
    to_inside, to_outside = (_squared(one).sqrt() for one in (inside, ~inside))
    return (torch.where(inside, to_outside, to_inside) / diagonal).clamp_max(1).to(mask_NCHW.dtype)


def _squared(of_NCHW: Tensor) -> Tensor:
    """Return the squared distance of every pixel to the nearest True one, infinite where there is none.

    Rows and columns one after the other, as Felzenszwalb and Huttenlocher, Distance Transforms of Sampled Functions
    (2012), but with all pairs of places in a line: on images of a few hundred pixels that is as fast, and no loop.
    """
    distances = torch.where(of_NCHW, 0.0, math.inf)
    return _along_rows(_along_rows(distances).mT).mT


def _along_rows(values: Tensor) -> Tensor:
    """Return at every place of a row the least of value + squared number of steps to it over the row."""
    length = values.shape[-1]
    place = torch.arange(length, device=values.device)
    steps2 = (place[:, None] - place).square().float()
    lines = values.reshape(-1, length).split(max(1, CHUNK // length**2))
    return torch.cat([(line[:, None] + steps2).amin(dim=2) for line in lines]).view(values.shape)
