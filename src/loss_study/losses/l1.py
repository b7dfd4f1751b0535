"""Mean absolute error: every pixel pulls with the same force however wrong it is."""

from __future__ import annotations

import torch

from loss_study.losses import CLAMPED, PROBABILITY, Output

NOTES = {
    "mask": "Answers uncertainty with the median: where foreground is less likely than not, all background is a "
    "minimum, and training can settle there.",
}


def loss(logits: torch.Tensor, target: torch.Tensor, *, sigmoid: bool = True) -> torch.Tensor:
    """Return the mean over pixels of |p - t|, p = sigmoid(logits); (N, 1, H, W) to (N,), in [0, 1].

    Source: Boscovich (1757); Koenker and Bassett, Regression Quantiles (1978), for the median as its minimum.
    Minimised by the truth, where it is 0, for every target in [0, 1].

    Args:
        sigmoid: without it p is the network's raw output, as in the original study, and the value has no upper bound.
    """
    return ((torch.sigmoid(logits) if sigmoid else logits) - target).abs().mean(dim=(1, 2, 3))


def output(*, sigmoid: bool) -> Output:
    """Return how the network's raw output becomes a prediction: see `losses.output`."""
    return PROBABILITY if sigmoid else CLAMPED
