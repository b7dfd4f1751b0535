"""Minus the logarithm of intersection over union: a mask that is hardly hit costs most, and pulls most."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import Tensor

from loss_study.losses._pixels import overlap

HEADS = ("mask",)
MULTICLASS = True
NOTES = {
    "mask": "Like iou near the truth; far from it the gradient is larger, by one over the IoU reached. An empty mask "
    "costs without a bound as long as anything is predicted.",
    "classes": "Like iou near the truth; a class that is hardly hit pulls hardest, and one that an image does not have "
    "costs without a bound as long as anything of it is predicted.",
}


def loss(
    logits: Tensor,
    target: Tensor,
    *,
    smooth: Annotated[float, Field(gt=0)] = 0.001,
    per_class: bool = True,
    valid: Tensor | None = None,
) -> Tensor:
    """Return the mean over classes of -log((I + s) / (U + s)); (N, C, H, W) to (N,), 0 or more.

    With p the probabilities, over the valid pixels: I = sum p t and U = sum p + sum t - I.
    Source: Yu, Jiang, Wang, Cao and Huang, UnitBox (2016), eq. 1, for boxes; for masks with s = 0.001 as usual in
    SegNet exercises. Minimised by the truth, where it is 0, for a mask of zeros and ones.

    Args:
        smooth: s, in pixels; the smaller, the more a wrongly predicted empty mask costs, up to log(pixels / s).
        per_class: false sums I and U over the classes before the fraction, so that large classes outvote small ones.
        valid: float (N, 1, H, W), 0 where a pixel has no truth and is left out.
    """
    intersection, predicted, true = overlap(logits, target, valid)
    union = predicted + true - intersection
    if not per_class:
        intersection, union = intersection.sum(dim=1, keepdim=True), union.sum(dim=1, keepdim=True)
    return ((union + smooth).log() - (intersection + smooth).log()).mean(dim=1)
