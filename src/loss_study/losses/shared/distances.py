"""Distances of pixels to the outline of a mask, exact and in torch alone, for losses that weigh errors by them."""

from __future__ import annotations

import math

import torch
from torch import Tensor


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
    to_inside, to_outside = _squared(torch.stack([inside, ~inside])).sqrt()
    return (torch.where(inside, to_outside, to_inside) / diagonal).clamp_max(1).to(mask_NCHW.dtype)


def _squared(true_NCHW: Tensor) -> Tensor:
    """Return the squared distance of every pixel to the nearest True one, infinite where there is none.

    Within rows first, then over rows: Saito and Toriwaki, New Algorithms for Euclidean Distance Transformation (1994).
    """
    within = torch.minimum(_steps_back(true_NCHW), _steps_back(true_NCHW.flip(-1)).flip(-1)).square()
    nearest = within.clone()
    for step in range(1, within.shape[-2]):
        if step**2 >= nearest.max():
            break
        for here, there in (
            (nearest[..., step:, :], within[..., :-step, :]),
            (nearest[..., :-step, :], within[..., step:, :]),
        ):
            torch.minimum(here, there + step**2, out=here)
    return nearest


def _steps_back(true: Tensor) -> Tensor:
    """Return the number of steps to the nearest True pixel before each pixel of a row, infinite where there is none."""
    place = torch.arange(true.shape[-1], device=true.device, dtype=torch.float32)
    return place - torch.where(true, place, -math.inf).cummax(dim=-1).values
