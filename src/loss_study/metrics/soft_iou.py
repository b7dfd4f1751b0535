"""Soft IoU of all classes together, by probabilities: the "custom IoU" of a public SegNet on pets.

    (sum p t + s) / (sum (p + t - p t) + s), s = 0.001

with p the probability of a class and t 1 where it is the true one. The sums are over all classes, the background among
them, and the valid pixels of one image. So an image counts by itself (not pooled), a probability by its value (not by
which is largest), and a border that is a class of its own like the other classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from loss_study.metrics.base import Metric
from loss_study.metrics.counting import pixel_count

if TYPE_CHECKING:
    from torch import Tensor

#: On both sides of the fraction, in pixels.
SMOOTH = 0.001

SOFT_IOU = Metric(
    "custom_iou",
    "Custom IoU",
    "Soft IoU of all classes together, background and border among them, by probabilities; mean over images.",
    lowest=0,
    highest=1,
)


def soft_iou(prediction: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """Return the soft IoU of each image, in [0, 1], (N,); 1 for an image without a valid pixel.

    Args:
        prediction: probabilities of all classes, float (N, K, H, W), the background being one.
        target: one-hot, bool (N, K, H, W).
        valid: bool (N, 1, H, W).
    """
    p = prediction.where(valid, 0).double()
    both = (p * target).sum(dim=(1, 2, 3))
    return (both + SMOOTH) / (p.sum(dim=(1, 2, 3)) + pixel_count(target & valid) - both + SMOOTH)


def soft_iou_of_mask(prediction: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """Return the soft IoU of a mask of one class, foreground and background being its two classes, (N,).

    Args:
        prediction: probability of foreground, float (N, 1, H, W).
        target: foreground, bool (N, 1, H, W).
        valid: bool (N, 1, H, W).
    """
    import torch  # noqa: PLC0415

    return soft_iou(torch.cat([1 - prediction, prediction], dim=1), torch.cat([~target, target], dim=1), valid)
