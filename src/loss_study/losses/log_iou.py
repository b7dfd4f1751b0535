"""Minus the logarithm of intersection over union: a mask that is hardly hit costs most and has the largest gradient."""

from __future__ import annotations

from typing import Annotated

from torch import Tensor

from loss_study.losses.shared.base import Loss
from loss_study.losses.shared.options import Range
from loss_study.losses.shared.pixels import overlap


def log_iou(
    logits: Tensor,
    target: Tensor,
    *,
    smooth: Annotated[float, Range(gt=0)] = 0.001,
    per_class: bool = True,
    valid: Tensor | None = None,
) -> Tensor:
    """Return the mean over classes of -log((I + s) / (U + s)); (N, C, H, W) to (N,), 0 or more.

    With p the probabilities, over the valid pixels: I = sum p t and U = sum p + sum t - I.
    Source: Yu, Jiang, Wang, Cao and Huang, UnitBox (2016), eq. 1, for boxes; for masks with s = 0.001 as usual in
    SegNet exercises. Minimised by the ground truth, where it is 0, for a mask of zeros and ones.

    Args:
        smooth: s, in pixels; the smaller, the more false positives in an empty mask cost, up to log(pixels / s).
        per_class: false sums I and U over the classes before the fraction, so that large classes dominate small ones.
        valid: float (N, 1, H, W), 0 at invalid pixels, which are left out.
    """
    intersection, predicted, true = overlap(logits, target, valid)
    union = predicted + true - intersection
    if not per_class:
        intersection, union = intersection.sum(dim=1, keepdim=True), union.sum(dim=1, keepdim=True)
    return ((union + smooth).log() - (intersection + smooth).log()).mean(dim=1)


LOSS = Loss(
    log_iou,
    heads=("mask",),
    multiclass=True,
    notes={
        "mask": "Like iou near the ground truth; far from it the gradient is larger, by one over the IoU reached. With "
        "an empty mask any predicted foreground costs much more than in other losses.",
        "classes": "Like iou near the ground truth; a class that is hardly hit has the largest gradient, and one that "
        "an image does not have costs much as long as any of it is predicted.",
    },
)
