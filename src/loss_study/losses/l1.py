"""Mean absolute error: the gradient of a pixel has the same size however wrong it is."""

from __future__ import annotations

from torch import Tensor

from loss_study.losses.shared.base import CLAMPED, PROBABILITY, Loss, Output
from loss_study.losses.shared.pixels import mean, probability


def l1(logits: Tensor, target: Tensor, *, valid: Tensor | None = None, sigmoid: bool = True) -> Tensor:
    """Return the mean over classes and valid pixels of |p - t|; (N, C, H, W) to (N,), in [0, 1].

    p is sigmoid(logits), for several classes softmax(logits).
    Source: Boscovich (1757); Koenker and Bassett, Regression Quantiles (1978), for the median as its minimum.
    Minimised by the ground truth, where it is 0, for every target in [0, 1].

    Args:
        sigmoid: without it p is the network's raw output, as in the original study, and the value has no upper bound.
    """
    return mean(((probability(logits) if sigmoid else logits) - target).abs(), valid)


def output(*, sigmoid: bool = True) -> Output:
    """Return how the network's raw output becomes a prediction."""
    return PROBABILITY if sigmoid else CLAMPED


LOSS = Loss(
    l1,
    multiclass=True,
    output_of=output,
    notes={
        "mask": "The best prediction for an uncertain pixel is its median: where foreground is less likely than not, "
        "all background is a minimum, and training can stop there.",
        "classes": "The best prediction for an uncertain pixel is the most probable class alone: never predicting a "
        "class that is rare and hard to recognise is a minimum.",
    },
)
