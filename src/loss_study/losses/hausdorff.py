"""Squared error that weighs a wrong pixel by its distance from both outlines: stray pixels far away cost most."""

from __future__ import annotations

from typing import Annotated

from torch import Tensor

from loss_study.losses.shared.base import Loss
from loss_study.losses.shared.distances import to_outline
from loss_study.losses.shared.options import Range
from loss_study.losses.shared.pixels import mean, probability

NOTE = (
    "Made to lower the largest distance between the outlines, not to raise the overlap; while predictions are vague it "
    "has hardly a gradient. Meant to be added to dice."
)


def hausdorff(logits: Tensor, target: Tensor, *, alpha: Annotated[float, Range(gt=0)] = 2.0) -> Tensor:
    """Return the mean over classes and pixels of (p - t)^2 (d_p^alpha + d_t^alpha); (N, C, H, W) to (N,), in [0, 2].

    p is sigmoid(logits), for several classes softmax(logits). d_t is the distance to the nearest pixel on the other
    side of the true outline of the class, d_p the same for the prediction, foreground above 0.5; both are shares of the
    image's diagonal, and 1 where there is no outline. d_p is a constant in the gradient, as in the source: Karimi and
    Salcudean, Reducing the Hausdorff Distance in Medical Image Segmentation with Convolutional Neural Networks (2019),
    eq. 8. Minimised by the ground truth, where it is 0, for a mask of zeros and ones.

    Args:
        alpha: how fast the weight of a pixel grows with its distance; the source's best is 2.
    """
    prediction = probability(logits)
    distances = to_outline(prediction) ** alpha + to_outline(target) ** alpha
    return mean((prediction - target).square() * distances)


LOSS = Loss(
    hausdorff,
    heads=("mask",),
    multiclass=True,
    minimised_by_target=("mask", "classes"),
    notes={"mask": NOTE, "classes": NOTE},
)
