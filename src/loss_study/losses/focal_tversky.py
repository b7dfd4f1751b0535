"""Tversky's overlap under a root: pictures that are nearly right still count, those that are lost count little more."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import Tensor

from loss_study.losses._pixels import tversky_error

LEAST_BASE = 1e-6
HEADS = ("mask",)
MULTICLASS = True
NOTES = {
    "mask": "As tversky; with gamma above 1 the gradient grows towards the end of training, where the overlap is good.",
    "classes": "As tversky; with gamma above 1 the gradient grows towards the end of training, where the overlap is "
    "good.",
}


def loss(
    logits: Tensor,
    target: Tensor,
    *,
    alpha: Annotated[float, Field(ge=0)] = 0.3,
    beta: Annotated[float, Field(ge=0)] = 0.7,
    gamma: Annotated[float, Field(gt=0)] = 1.333,
    smooth: Annotated[float, Field(gt=0)] = 1.0,
    valid: Tensor | None = None,
) -> Tensor:
    """Return the mean over classes of (1 - (I + s) / (I + alpha FP + beta FN + s))^(1/gamma); (N, C, H, W) to (N,).

    With p the probabilities, over the valid pixels: I = sum p t, FP = sum p (1 - t) and FN = sum (1 - p) t.
    Source: Abraham and Khan, A Novel Focal Tversky Loss Function with Improved Attention U-Net for Lesion
    Segmentation (2019), eqs. 3 and 4, with alpha and beta named as in `tversky`. Values in [0, 1].
    Minimised by the truth, where it is 0, for a mask of zeros and ones. Below a base of 1e-6 a straight line from 0
    takes the root's place, whose slope is infinite there.

    Args:
        alpha: the price of false positives.
        beta: the price of false negatives.
        gamma: the root; 1 is `tversky`.
        smooth: s, in pixels. A class that an image does not have is taught to be absent.
        valid: float (N, 1, H, W), 0 where a pixel has no truth and is left out.
    """
    base = tversky_error(logits, target, alpha, beta, smooth, valid)
    return (base * base.clamp_min(LEAST_BASE) ** (1 / gamma - 1)).mean(dim=1)
