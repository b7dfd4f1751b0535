"""A sum of the losses, each times a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from torch import Tensor, nn


class WeightedSum:
    """The losses times fixed numbers, by head, added."""

    parameters: Sequence[nn.Parameter] = ()
    of_sum = True

    def __init__(self, weights: Mapping[str, float]) -> None:
        self._weights = dict(weights)

    def backward(self, losses: Mapping[str, Tensor], trained: Sequence[nn.Parameter]) -> None:
        """Set the gradients of the sum."""
        cast("Tensor", sum(self._weights[head] * loss for head, loss in losses.items())).backward()

    def weights(self) -> dict[str, float]:
        """Return nothing: no weight is learnt."""
        return {}
