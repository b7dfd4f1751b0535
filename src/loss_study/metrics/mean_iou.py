"""Mean IoU (mIoU) of a mask of one class: the mean of the IoU of the foreground and that of the background."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loss_study.metrics.base import Metric
from loss_study.metrics.counting import Counts, mean_of_present

if TYPE_CHECKING:
    from torch import Tensor

MEAN_IOU = Metric(
    "mean_iou",
    "mIoU",
    "IoU of the foreground and IoU of the background, their mean; mean over images.",
    lowest=0,
    highest=1,
)


def mean_iou(counts: Counts, pixels: Tensor) -> Tensor:
    """Return the mean IoU of each image, in [0, 1]; a class that neither prediction nor target has is left out.

    Args:
        pixels: number of valid pixels of each image, (N,).
    """
    import torch  # noqa: PLC0415

    wrong = counts.false_positives + counts.false_negatives
    background = pixels - counts.union
    of_foreground, of_background = counts.true_positives / counts.union, background / (background + wrong)
    return mean_of_present(torch.stack([of_foreground, of_background], dim=1))
