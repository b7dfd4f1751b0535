"""Generalised Dice of which small errors are damped: images that are far off weigh more than those nearly right."""

from __future__ import annotations

from typing import Annotated

from torch import Tensor

from loss_study.losses.shared.base import Loss
from loss_study.losses.shared.generalised import generalised_dice_error
from loss_study.losses.shared.options import Range

NOTE = "As generalised_dice, with a gradient that shrinks as the overlap becomes good."


def penalty_dice(
    logits: Tensor,
    target: Tensor,
    *,
    penalty: Annotated[float, Range(ge=0)] = 2.5,
    smooth: Annotated[float, Range(gt=0)] = 1.0,
    valid: Tensor | None = None,
) -> Tensor:
    """Return g / (1 + k (1 - g)), g being `generalised_dice`; (N, C, H, W) to (N,), in [0, 1].

    Source: Yang, Kweon and Kim, Major Vessel Segmentation on X-ray Coronary Angiography using Deep Networks with a
    Novel Penalty Loss Function (2019), on the generalised Dice as in Ma et al., Loss Odyssey in Medical Image
    Segmentation (2021). Minimised by the ground truth, where it is 0, for a mask of zeros and ones.

    Args:
        penalty: k; 0 is `generalised_dice`.
        smooth: as in `generalised_dice`.
        valid: float (N, 1, H, W), 0 at invalid pixels, which are left out.
    """
    error = generalised_dice_error(logits, target, smooth, valid)
    return error / (1 + penalty * (1 - error))


LOSS = Loss(penalty_dice, heads=("mask",), multiclass=True, notes={"mask": NOTE, "classes": NOTE})
