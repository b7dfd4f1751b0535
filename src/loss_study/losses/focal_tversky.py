"""A root of the Tversky loss: images that are nearly right still count, and those that are far off hardly more."""

from __future__ import annotations

from typing import Annotated

from torch import Tensor

from loss_study.losses.shared.base import Loss
from loss_study.losses.shared.options import Range
from loss_study.losses.shared.pixels import tversky_error

LEAST_BASE = 1e-6
NOTE = "As tversky; with gamma above 1 the gradient grows as the overlap becomes good, towards the end of training."


def focal_tversky(
    logits: Tensor,
    target: Tensor,
    *,
    alpha: Annotated[float, Range(ge=0)] = 0.3,
    beta: Annotated[float, Range(ge=0)] = 0.7,
    gamma: Annotated[float, Range(gt=0)] = 1.333,
    smooth: Annotated[float, Range(gt=0)] = 1.0,
    valid: Tensor | None = None,
) -> Tensor:
    """Return the mean over classes of (1 - (I + s) / (I + alpha FP + beta FN + s))^(1/gamma); (N, C, H, W) to (N,).

    With p the probabilities, over the valid pixels: I = sum p t, FP = sum p (1 - t) and FN = sum (1 - p) t.
    Source: Abraham and Khan, A Novel Focal Tversky Loss Function with Improved Attention U-Net for Lesion
    Segmentation (2019), eqs. 3 and 4, with alpha and beta named as in `tversky`. Values in [0, 1].
    Minimised by the ground truth, where it is 0, for a mask of zeros and ones. Below a base of 1e-6 the root, whose
    slope is infinite at 0, is replaced by a straight line from 0.

    Args:
        alpha: the weight of false positives.
        beta: the weight of false negatives.
        gamma: the root; 1 is `tversky`.
        smooth: s, in pixels. The loss falls as a class that an image does not have vanishes from the prediction.
        valid: float (N, 1, H, W), 0 at invalid pixels, which are left out.
    """
    base = tversky_error(logits, target, alpha, beta, smooth, valid)
    return (base * base.clamp_min(LEAST_BASE) ** (1 / gamma - 1)).mean(dim=1)


LOSS = Loss(focal_tversky, heads=("mask",), multiclass=True, notes={"mask": NOTE, "classes": NOTE})
