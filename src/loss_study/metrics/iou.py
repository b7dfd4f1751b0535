"""Intersection over union (IoU), also called Jaccard index: TP / (TP + FP + FN)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loss_study.metrics.base import Metric
from loss_study.metrics.counting import Counts, mean_of_present, ratio

if TYPE_CHECKING:
    from torch import Tensor

IOU = Metric(
    "iou",
    "IoU",
    "Pixels marked in both, over pixels marked in prediction or ground truth; mean over images.",
    lowest=0,
    highest=1,
)
IOU_DATASET = Metric(
    "iou_dataset", "IoU, pooled", "IoU of the pixels of all images counted together.", lowest=0, highest=1
)

CLASS_MEAN_IOU = Metric(
    "iou",
    "mIoU",
    "IoU of each class that an image or its prediction has, their mean; mean over images.",
    lowest=0,
    highest=1,
)
CLASS_MEAN_IOU_DATASET = Metric(
    "iou_dataset",
    "mIoU, pooled",
    "IoU of each class over the pixels of all images together, their mean.",
    lowest=0,
    highest=1,
)
#: Starts the name of the IoU of one class; the class's name follows.
OF_CLASS = "iou_"


def iou(counts: Counts) -> Tensor:
    """Return the IoU of each image, in [0, 1]; 1 where both masks are empty."""
    return ratio(counts.true_positives, counts.union, counts.union)


def class_iou(counts: Counts) -> Tensor:
    """Return the IoU of each image and class, in [0, 1]; NaN where neither prediction nor target has the class."""
    return counts.true_positives / counts.union


def class_mean_iou(counts: Counts) -> Tensor:
    """Return the mean of `class_iou` over the classes that the image or its prediction has."""
    return mean_of_present(class_iou(counts))


def of_class(class_name: str) -> Metric:
    """Return the metric IoU of one class of several."""
    words = class_name.replace("_", " ")
    definition = f"IoU of the class {words}; mean over the images with it in the ground truth or prediction."
    return Metric(OF_CLASS + class_name, f"IoU {words}", definition, lowest=0, highest=1)
