"""Overlap in which false positives and false negatives cost differently: to miss less, or to mark less."""

from __future__ import annotations

from typing import Annotated

from torch import Tensor

from loss_study.losses.shared.base import Loss
from loss_study.losses.shared.options import Range
from loss_study.losses.shared.pixels import tversky_error


def tversky(
    logits: Tensor,
    target: Tensor,
    *,
    alpha: Annotated[float, Range(ge=0)] = 0.3,
    beta: Annotated[float, Range(ge=0)] = 0.7,
    smooth: Annotated[float, Range(gt=0)] = 1.0,
    valid: Tensor | None = None,
) -> Tensor:
    """Return the mean over classes of 1 - (I + s) / (I + alpha FP + beta FN + s); (N, C, H, W) to (N,), in [0, 1].

    With p the probabilities, over the valid pixels: I = sum p t, FP = sum p (1 - t) and FN = sum (1 - p) t.
    Source: Salehi, Erdogmus and Gholipour, Tversky Loss Function for Image Segmentation (2017), eq. 4, and its best
    weights. Minimised by the ground truth, where it is 0, for a mask of zeros and ones.

    Args:
        alpha: the weight of false positives; alpha = beta = 0.5 is `dice` with twice this smooth, 1 and 1 is `iou`.
        beta: the weight of false negatives.
        smooth: s, in pixels. A class that an image does not have gives 1 - s / (alpha sum p + s).
        valid: float (N, 1, H, W), 0 at invalid pixels, which are left out.
    """
    return tversky_error(logits, target, alpha, beta, smooth, valid).mean(dim=1)


LOSS = Loss(
    tversky,
    heads=("mask",),
    multiclass=True,
    notes={
        "mask": "With beta above alpha, marking too much costs less than missing: recall rises, precision falls, and "
        "small objects are found.",
        "classes": "Every class counts the same. What one class misses another has too much, so alpha and beta shift "
        "the borders between classes of different size.",
    },
)
