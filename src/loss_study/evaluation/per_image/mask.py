"""The metrics of a mask of one class.

**Empty masks.** A fraction 0 / 0 is 1 where prediction and target are both empty, else 0 (`counting.ratio`).
**Invalid pixels** are not counted; an image without a valid pixel has NaN.
All values are in [0, 1], the higher the better.
"""

from __future__ import annotations

from functools import partial

from torch import Tensor

from loss_study.evaluation.per_image.chunks import in_chunks
from loss_study.metrics.arguments import check_pair, nan_without_valid, valid_pixels
from loss_study.metrics.base import AT_BEST
from loss_study.metrics.boundary_f import BOUNDARY_F, boundary_f
from loss_study.metrics.counting import Counts, mean_over_images
from loss_study.metrics.dice import DICE, DICE_DATASET, dice
from loss_study.metrics.iou import IOU, IOU_DATASET, iou
from loss_study.metrics.masks import Masks, foreground
from loss_study.metrics.mean_iou import MEAN_IOU, mean_iou
from loss_study.metrics.pixel_accuracy import PIXEL_ACCURACY, pixel_accuracy
from loss_study.metrics.precision_recall import PRECISION, RECALL, precision, recall
from loss_study.metrics.soft_iou import SOFT_IOU, soft_iou_of_mask


def columns(
    *, prediction: Tensor, target: Tensor, valid: Tensor | None = None, threshold: float = 0.5
) -> dict[str, Tensor]:
    """Return all metrics of each image and the three `Counts` (in pixels), each float64 (N,).

    Args:
        prediction: probability of foreground, float (N, 1, H, W) in [0, 1].
        target: float (N, 1, H, W) in [0, 1] in steps of 1/255; foreground above 0.5.
        valid: 1 where a pixel has ground truth, else 0, (N, 1, H, W); None: all have.
        threshold: foreground is predicted above it.

    Raises:
        ValueError: shapes, ranges, or prediction and target swapped.
    """
    check_pair(prediction, target, valid)
    at = in_chunks(partial(_at_threshold, threshold=threshold), prediction, target, valid)
    return at | in_chunks(_soft, prediction, target, valid)


def _soft(prediction: Tensor, target: Tensor, valid: Tensor | None) -> dict[str, Tensor]:
    counted = valid_pixels(target, valid)
    soft = soft_iou_of_mask(prediction, foreground(target), counted)
    return {SOFT_IOU.name: nan_without_valid(soft, counted)}


def at_threshold(
    *, prediction: Tensor, target: Tensor, valid: Tensor | None = None, threshold: float
) -> dict[str, Tensor]:
    """Return those of `columns` that depend on the threshold; the arguments are the same."""
    check_pair(prediction, target, valid)
    return in_chunks(partial(_at_threshold, threshold=threshold), prediction, target, valid)


def _at_threshold(prediction: Tensor, target: Tensor, valid: Tensor | None, threshold: float) -> dict[str, Tensor]:
    masks = Masks(prediction > threshold, foreground(target), valid_pixels(target, valid))
    counts, pixels = Counts.of(masks), masks.pixels
    values = {
        IOU.name: iou(counts),
        DICE.name: dice(counts),
        MEAN_IOU.name: mean_iou(counts, pixels),
        PIXEL_ACCURACY.name: pixel_accuracy(counts, pixels),
        PRECISION.name: precision(counts),
        RECALL.name: recall(counts),
        BOUNDARY_F.name: boundary_f(masks),
    }
    return {name: nan_without_valid(value, masks.valid) for name, value in values.items()} | counts._asdict()


def summary(columns: dict[str, Tensor]) -> dict[str, float]:
    """Return the mean of each metric over the images, and ``iou_dataset``, ``dice_dataset`` from the summed counts.

    Args:
        columns: what `columns` returned, concatenated over the batches; those at the best threshold may stand beside
            them, their names ending in ``_at_best``.
    """
    means = {name: mean_over_images(values) for name, values in columns.items() if not name.startswith(Counts._fields)}
    for suffix in ("", AT_BEST):
        if Counts._fields[0] + suffix in columns:
            pooled = Counts.summed(columns, suffix)
            means[IOU_DATASET.name + suffix] = float(iou(pooled))
            means[DICE_DATASET.name + suffix] = float(dice(pooled))
    return means
