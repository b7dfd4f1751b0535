"""By which factor a depth is wrong: what log10 and the threshold accuracies share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def factor(prediction: Tensor, target: Tensor) -> Tensor:
    """Return max(p / t, t / p) of every pixel, at least 1; both above 0."""
    ratio = prediction / target
    return ratio.maximum(1 / ratio)
