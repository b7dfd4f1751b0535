"""By which factor a depth is wrong: what log10 and the threshold accuracies share."""

from __future__ import annotations

import torch
from torch import Tensor


def factor(prediction: Tensor, target: Tensor) -> Tensor:
    """Return max(p / t, t / p) of every pixel, at least 1; both above 0."""
    ratio = prediction / target
    return torch.maximum(ratio, 1 / ratio)
