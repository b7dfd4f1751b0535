"""One minus intersection over union (soft Jaccard): the metric that ranks masks, made smooth."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import Tensor

from loss_study.losses._pixels import overlap

HEADS = ("mask",)
MULTICLASS = True
NOTES = {
    "mask": "Close to the metric that ranks this head. Balances foreground and background by itself; pushes an "
    "uncertain pixel to 0 or 1, not to its chance.",
    "classes": "Close to the metric that ranks this head: counts every class alike, however small; pushes an uncertain "
    "pixel to one class, not to its chance.",
}


def loss(
    logits: Tensor, target: Tensor, *, smooth: Annotated[float, Field(gt=0)] = 1.0, valid: Tensor | None = None
) -> Tensor:
    """Return the mean over classes of 1 - (I + s) / (U + s); (N, C, H, W) to (N,), in [0, 1].

    With p the probabilities, over the valid pixels: I = sum p t and U = sum p + sum t - I.
    Source: Rahman and Wang, Optimizing Intersection-Over-Union in Deep Neural Networks (2016), eqs. 3 to 5.
    Minimised by the truth, where it is 0, for a mask of zeros and ones.

    Args:
        smooth: s, in pixels. A class that an image does not have gives 1 - s / (sum p + s): it is taught to be absent.
        valid: float (N, 1, H, W), 0 where a pixel has no truth and is left out.
    """
    intersection, predicted, true = overlap(logits, target, valid)
    return (1 - (intersection + smooth) / (predicted + true - intersection + smooth)).mean(dim=1)
