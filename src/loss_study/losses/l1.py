"""Mean absolute error: every pixel pulls with the same force however wrong it is."""

from __future__ import annotations

from torch import Tensor

from loss_study.losses import CLAMPED, PROBABILITY, Output, _pixels

MULTICLASS = True
NOTES = {
    "mask": "Answers uncertainty with the median: where foreground is less likely than not, all background is a "
    "minimum, and training can settle there.",
    "classes": "Answers uncertainty with the most probable class alone: where a class is rare and hard to tell, never "
    "predicting it is a minimum.",
}


def loss(logits: Tensor, target: Tensor, *, valid: Tensor | None = None, sigmoid: bool = True) -> Tensor:
    """Return the mean over classes and valid pixels of |p - t|; (N, C, H, W) to (N,), in [0, 1].

    p is sigmoid(logits), for several classes softmax(logits).
    Source: Boscovich (1757); Koenker and Bassett, Regression Quantiles (1978), for the median as its minimum.
    Minimised by the truth, where it is 0, for every target in [0, 1].

    Args:
        sigmoid: without it p is the network's raw output, as in the original study, and the value has no upper bound.
    """
    return _pixels.mean(((_pixels.probability(logits) if sigmoid else logits) - target).abs(), valid)


def output(*, sigmoid: bool) -> Output:
    """Return how the network's raw output becomes a prediction: see `losses.output`."""
    return PROBABILITY if sigmoid else CLAMPED
