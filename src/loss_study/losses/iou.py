"""One minus intersection over union (soft Jaccard): a smooth version of the metric that ranks masks."""

from __future__ import annotations

from typing import Annotated

from torch import Tensor

from loss_study.losses.shared.base import Loss
from loss_study.losses.shared.options import Range
from loss_study.losses.shared.pixels import overlap


def iou(
    logits: Tensor, target: Tensor, *, smooth: Annotated[float, Range(gt=0)] = 1.0, valid: Tensor | None = None
) -> Tensor:
    """Return the mean over classes of 1 - (I + s) / (U + s); (N, C, H, W) to (N,), in [0, 1].

    With p the probabilities, over the valid pixels: I = sum p t and U = sum p + sum t - I.
    Source: Rahman and Wang, Optimizing Intersection-Over-Union in Deep Neural Networks (2016), eqs. 3 to 5.
    Minimised by the ground truth, where it is 0, for a mask of zeros and ones.

    Args:
        smooth: s, in pixels. A class that an image does not have gives 1 - s / (sum p + s), which falls as it vanishes
            from the prediction.
        valid: float (N, 1, H, W), 0 at invalid pixels, which are left out.
    """
    intersection, predicted, true = overlap(logits, target, valid)
    return (1 - (intersection + smooth) / (predicted + true - intersection + smooth)).mean(dim=1)


LOSS = Loss(
    iou,
    heads=("mask",),
    multiclass=True,
    notes={
        "mask": "Close to the metric that ranks this head. Balances foreground and background by itself; pushes an "
        "uncertain pixel to 0 or 1, not to its probability.",
        "classes": "Close to the metric that ranks this head: every class counts the same, however small; pushes an "
        "uncertain pixel to one class, not to its probabilities.",
    },
)
