"""The metrics of a mask of two or more classes that exclude each other. A pixel is of the class most probable there.

A class that neither the image nor its prediction has is left out of the image's means, as torchmetrics does.
Invalid pixels are not counted; an image without a valid pixel has NaN. All values are in [0, 1], the higher the better.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from loss_study.evaluation.per_image.chunks import in_chunks
from loss_study.metrics.boundary_f import CLASS_BOUNDARY_F, class_mean_boundary_f
from loss_study.metrics.counting import Counts, mean_over_images
from loss_study.metrics.dice import CLASS_MEAN_DICE, CLASS_MEAN_DICE_DATASET, class_mean_dice
from loss_study.metrics.iou import CLASS_MEAN_IOU, CLASS_MEAN_IOU_DATASET, class_iou, class_mean_iou, of_class
from loss_study.metrics.masks import of_classes
from loss_study.metrics.pixel_accuracy import CLASS_PIXEL_ACCURACY, class_pixel_accuracy
from loss_study.metrics.soft_iou import SOFT_IOU, soft_iou


def columns(
    *, prediction: Tensor, target: Tensor, valid: Tensor | None = None, class_names: Sequence[str]
) -> dict[str, Tensor]:
    """Return all metrics of each image, the IoU and the three `Counts` (in pixels) of each class, each float64 (N,).

    ``iou_<class>`` is NaN for an image in which neither prediction nor target has the class.

    Args:
        prediction: probability of each class, float (N, K, H, W) in [0, 1].
        target: one-hot, float (N, K, H, W).
        valid: 1 where a pixel has ground truth, else 0, (N, 1, H, W); None: all have.
        class_names: the K names.

    Raises:
        ValueError: shapes, ranges, or prediction and target swapped.
    """
    return in_chunks(partial(_columns, class_names=class_names), prediction, target, valid)


def _columns(prediction: Tensor, target: Tensor, valid: Tensor | None, class_names: Sequence[str]) -> dict[str, Tensor]:
    masks = of_classes(prediction, target, valid)
    counts, pixels = Counts.of(masks), masks.pixels
    of_each_class = class_iou(counts)
    soft = soft_iou(prediction, masks.target, masks.valid)
    return {
        CLASS_MEAN_IOU.name: class_mean_iou(counts),
        CLASS_MEAN_DICE.name: class_mean_dice(counts),
        CLASS_PIXEL_ACCURACY.name: class_pixel_accuracy(counts, pixels),
        CLASS_BOUNDARY_F.name: class_mean_boundary_f(masks, counts.union),
        SOFT_IOU.name: torch.where(pixels > 0, soft, torch.nan),
        **{of_class(name).name: of_each_class[:, number] for number, name in enumerate(class_names)},
        **{
            f"{kind}_{name}": values[:, number]
            for kind, values in counts._asdict().items()
            for number, name in enumerate(class_names)
        },
    }


def summary(columns: dict[str, Tensor]) -> dict[str, float]:
    """Return the mean of each metric over the images that have it, and ``iou_dataset``, ``dice_dataset``.

    The last two are means over the classes, from counts that are summed over the images.

    Args:
        columns: what `columns` returned, concatenated over the batches.
    """
    means = {name: mean_over_images(values) for name, values in columns.items() if not name.startswith(Counts._fields)}
    pooled_1K = Counts(
        *(
            torch.stack([values.sum() for name, values in columns.items() if name.startswith(kind)])[None]
            for kind in Counts._fields
        )
    )
    means[CLASS_MEAN_IOU_DATASET.name] = float(class_mean_iou(pooled_1K))
    means[CLASS_MEAN_DICE_DATASET.name] = float(class_mean_dice(pooled_1K))
    return means
