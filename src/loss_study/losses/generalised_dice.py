"""Dice over all classes at once, each weighed by one over its squared size: a small class counts like a large one."""

from __future__ import annotations

from typing import Annotated

from torch import Tensor

from loss_study.losses.shared.base import Loss
from loss_study.losses.shared.generalised import generalised_dice_error
from loss_study.losses.shared.options import Range

NOTE = (
    "A class that an image does not have gets by far the largest weight: there the loss is mostly about predicting "
    "none of it."
)


def generalised_dice(
    logits: Tensor, target: Tensor, *, smooth: Annotated[float, Range(gt=0)] = 1.0, valid: Tensor | None = None
) -> Tensor:
    """Return 1 - 2 sum_k w_k I_k / sum_k w_k (P_k + T_k), w_k = 1 / T_k^2, smoothed; (N, C, H, W) to (N,), in [0, 1].

    Over the valid pixels I_k = sum p t, P_k = sum p and T_k = sum t of class k; for C = 1 the classes are background
    and foreground. Source: Sudre, Li, Vercauteren, Ourselin and Cardoso, Generalised Dice Overlap as a Deep Learning
    Loss Function (2017), eq. for GDL. Minimised by the ground truth, where it is 0, for a mask of zeros and ones.

    Args:
        smooth: s, in pixels, added to the sizes in the weights and on both sides of the fraction.
        valid: float (N, 1, H, W), 0 at invalid pixels, which are left out.
    """
    return generalised_dice_error(logits, target, smooth, valid)


LOSS = Loss(generalised_dice, heads=("mask",), multiclass=True, notes={"mask": NOTE, "classes": NOTE})
