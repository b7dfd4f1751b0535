"""Each loss times a number that is learnt, with a price for small numbers.

Kendall, Gal and Cipolla, Multi-Task Learning Using Uncertainty to Weigh Losses for Scene Geometry and Semantics (2018),
https://arxiv.org/abs/1705.07115.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn


class Uncertainty:
    """The sum of exp(-s) L + s / 2 over the losses L, with s, the logarithm of a variance, learnt for each.

    That is the paper's sum of L / sigma^2 + log sigma. Every s begins at 0, where this is the sum of the losses. For a
    given L the best s is log 2L: then each loss adds the same, 1/2, whatever its unit.
    """

    of_sum = True

    def __init__(self, heads: Sequence[str], device: torch.device) -> None:
        self._log_variance = {head: nn.Parameter(torch.zeros((), device=device)) for head in heads}
        self.parameters: Sequence[nn.Parameter] = list(self._log_variance.values())

    def backward(self, losses: Mapping[str, Tensor], trained: Sequence[nn.Parameter]) -> None:
        """Set the gradients of the sum, those of the logarithms too."""
        self.value(losses).backward()

    def value(self, losses: Mapping[str, Tensor]) -> Tensor:
        """Return the sum, ()."""
        of_heads = ((loss, self._log_variance[head]) for head, loss in losses.items())
        return cast("Tensor", sum((-s).exp() * loss + s / 2 for loss, s in of_heads))

    def weights(self) -> dict[str, float]:
        """Return exp(-s) of each head."""
        return {head: (-s).exp().item() for head, s in self._log_variance.items()}


def build(heads: Sequence[str], device: torch.device) -> Uncertainty:
    """Return the weighting, with a logarithm for each of `heads`."""
    return Uncertainty(heads, device)
