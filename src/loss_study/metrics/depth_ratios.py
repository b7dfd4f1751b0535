"""Depths that can be divided: what the relative metrics of the depth share."""

from __future__ import annotations

import torch
from torch import Tensor

#: The smallest depth that a uint8 image tells from 0; ratios and logarithms raise smaller ones to it.
LEAST_DEPTH = 1 / 255


def at_least(depth: Tensor) -> Tensor:
    """Return `depth` in [0, 1] raised to at least 1/255."""
    return depth.clamp_min(LEAST_DEPTH)


def factor(prediction: Tensor, target: Tensor) -> Tensor:
    """Return max(p / t, t / p) of every pixel, at least 1."""
    p, t = at_least(prediction), at_least(target)
    return torch.maximum(p / t, t / p)
