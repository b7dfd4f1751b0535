"""Squared error of the foreground and of the background, each as a mean of its own, weighed against one another."""

from __future__ import annotations

from typing import Annotated

from torch import Tensor

from loss_study.losses.shared.base import Loss
from loss_study.losses.shared.options import Range
from loss_study.losses.shared.pixels import probability, total

NOTE = (
    "The weight between the two means decides between recall and precision, whatever the size of the object; squared "
    "errors of sure mistakes have hardly any gradient, so they are unlearned slowly."
)


def sensitivity_specificity(
    logits: Tensor,
    target: Tensor,
    *,
    weight: Annotated[float, Range(gt=0, lt=1)] = 0.1,
    smooth: Annotated[float, Range(gt=0)] = 1.0,
    valid: Tensor | None = None,
) -> Tensor:
    """Return r sum (t - p)^2 t / (sum t + s) + (1 - r) sum (t - p)^2 (1 - t) / (sum (1 - t) + s), mean over classes.

    (N, C, H, W) to (N,), over the valid pixels, in [0, 1]. p is sigmoid(logits), for several classes softmax(logits).
    Source: Brosch, Yoo, Tang, Li, Traboulsee and Tam, Deep Convolutional Encoder Networks for Multiple Sclerosis Lesion
    Segmentation (2015), eq. 8; the weight is that of Ma et al. (2021). Minimised by the ground truth, where it is 0,
    for a mask of zeros and ones.

    Args:
        weight: r, of the foreground; the background has 1 - r.
        smooth: s, in pixels.
        valid: float (N, 1, H, W), 0 at invalid pixels, which are left out.
    """
    error = (target - probability(logits)).square()

    def mean_where(share: Tensor) -> Tensor:
        return total(error * share, valid) / (total(share, valid) + smooth)

    return (weight * mean_where(target) + (1 - weight) * mean_where(1 - target)).mean(dim=1)


LOSS = Loss(sensitivity_specificity, heads=("mask",), multiclass=True, notes={"mask": NOTE, "classes": NOTE})
