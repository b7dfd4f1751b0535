"""The F-beta score in the place of overlap: a missed pixel costs beta squared times as much as a false one."""

from __future__ import annotations

from typing import Annotated

from torch import Tensor

from loss_study.losses.shared.base import Loss
from loss_study.losses.shared.options import Range
from loss_study.losses.shared.pixels import tversky_error

NOTE = "Tversky of weights that add up to one, set by a single number; recall rises with beta, precision falls."


def asymmetric_similarity(
    logits: Tensor,
    target: Tensor,
    *,
    beta: Annotated[float, Range(gt=0)] = 1.5,
    smooth: Annotated[float, Range(gt=0)] = 1.0,
    valid: Tensor | None = None,
) -> Tensor:
    """Return 1 - (1 + b^2) I / ((1 + b^2) I + b^2 FN + FP), smoothed, the mean over classes; (N, C, H, W) to (N,).

    With p the probabilities, over the valid pixels: I = sum p t, FP = sum p (1 - t) and FN = sum (1 - p) t.
    Source: Hashemi, Salehi, Erdogmus, Prabhu, Warfield and Gholipour, Asymmetric Loss Functions and Deep Densely
    Connected Networks for Highly Imbalanced Medical Image Segmentation (2018), eq. 3, and its best beta. Minimised by
    the ground truth, where it is 0, for a mask of zeros and ones.

    Args:
        beta: b; 1 is `dice` with twice this smooth. It is `tversky` with alpha = 1 / (1 + b^2), beta = b^2 / (1 + b^2).
        smooth: as in `tversky`.
        valid: float (N, 1, H, W), 0 at invalid pixels, which are left out.
    """
    share = beta**2 / (1 + beta**2)
    return tversky_error(logits, target, 1 - share, share, smooth, valid).mean(dim=1)


LOSS = Loss(asymmetric_similarity, heads=("mask",), multiclass=True, notes={"mask": NOTE, "classes": NOTE})
