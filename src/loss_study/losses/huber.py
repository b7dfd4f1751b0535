"""Squared error for small differences, absolute error for large ones: outliers do not dominate."""

from __future__ import annotations

from typing import Annotated

from torch import Tensor
from torch.nn import functional as F

from loss_study.losses.shared.base import Loss
from loss_study.losses.shared.options import Range
from loss_study.losses.shared.pixels import mean, probability


def huber(
    logits: Tensor,
    target: Tensor,
    *,
    valid: Tensor | None = None,
    delta: Annotated[float, Range(gt=0)] = 0.1,
) -> Tensor:
    """Return the mean of e^2 / 2 where |e| <= delta, else delta (|e| - delta / 2); (N, C, H, W) to (N,).

    The mean is over classes and valid pixels; e = p - t with the prediction p, sigmoid or softmax of the logits.
    Source: Huber, Robust Estimation of a Location Parameter (1964).
    The scale is Huber's own: the slope is at most delta, so for delta = 0.1 value and gradient are a tenth of
    L1's; plain SGD needs a learning rate divided by delta to compensate.
    Minimised by the ground truth, where it is 0, for every target in [0, 1].

    Args:
        delta: the error, on the scale of the prediction in [0, 1], at which the square ends; 1 or more makes it
            half the mean squared error.
    """
    return mean(F.huber_loss(probability(logits), target, delta=delta, reduction="none"), valid)


LOSS = Loss(
    huber,
    multiclass=True,
    notes={
        "mask": "Nearly L1 for a small delta: an uncertain pixel is predicted near its median, which is background "
        "wherever foreground is rare."
    },
)
