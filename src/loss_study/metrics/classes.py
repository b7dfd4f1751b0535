"""Metrics of a mask of two or more classes that exclude each other. A pixel is of the class most probable there.

Counts of true positives (TP), false positives (FP) and false negatives (FN) per image and class:

- iou_<class> = TP / (TP + FP + FN), NaN for an image in which neither prediction nor truth has the class;
- iou and dice, the mean of TP / (TP + FP + FN) and of 2 TP / (2 TP + FP + FN) over the classes that either has;
- pixel_accuracy, the share of the pixels whose class is right;
- boundary_f, the mean of the F-measure of the classes' outlines (`mask.boundary_f`) over the classes that either has;
- custom_iou, soft and of all classes together: see `counting.soft_iou`.

Pixels without a truth are not counted, nor do outlines run along them; an image without a truth has NaN.
All values are in [0, 1] without unit, the higher the better. A class that is nowhere is left out as torchmetrics does.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from loss_study.metrics import CUSTOM_IOU, of_class
from loss_study.metrics.arguments import check_pair, known_pixels
from loss_study.metrics.counting import mean_of_present, mean_over_images, soft_iou
from loss_study.metrics.mask import COLLAPSED_SHARE, COUNTS, boundary_f


def per_image(
    *, prediction: Tensor, target: Tensor, valid: Tensor | None = None, class_names: Sequence[str]
) -> dict[str, Tensor]:
    """Return the metrics above and the three counts of each class (in pixels), each float64 (N,).

    Args:
        prediction: probability of each class, float (N, K, H, W) in [0, 1].
        target: true classes, one-hot, float (N, K, H, W).
        valid: 1 where a pixel has a truth, else 0, (N, 1, H, W); None: all have.
        class_names: the K names.

    Raises:
        ValueError: shapes, ranges, or prediction and target swapped.
    """
    predicted, true, known = _one_hot(prediction, target, valid)
    tp, fp, fn = counts = _counts(predicted, true, known)
    pixels = known.sum(dim=(1, 2, 3)).double()
    some = tp + fp + fn > 0
    outlines = [boundary_f(predicted[:, [k]], true[:, [k]], known) for k in range(len(class_names))]
    iou = _overlap(tp, fp, fn)
    return {
        "iou": mean_of_present(iou),
        "dice": mean_of_present(2 * tp / (2 * tp + fp + fn)),
        "pixel_accuracy": tp.sum(dim=1) / pixels,
        "boundary_f": mean_of_present(torch.where(some, torch.stack(outlines, dim=1), torch.nan)),
        CUSTOM_IOU: torch.where(pixels > 0, soft_iou(prediction, true, known), torch.nan),
        **{of_class(name): iou[:, k] for k, name in enumerate(class_names)},
        **{
            f"{kind}_{name}": values[:, k]
            for kind, values in zip(COUNTS, counts, strict=True)
            for k, name in enumerate(class_names)
        },
    }


def aggregate(columns: dict[str, Tensor]) -> dict[str, float]:
    """Return the mean of each metric over the images that have it, and ``iou_dataset``, ``dice_dataset``.

    The last two are means over the classes, from counts that are summed over the images.

    Args:
        columns: what `per_image` returned, concatenated over the batches.
    """
    means = {name: mean_over_images(values) for name, values in columns.items() if not name.startswith(COUNTS)}
    tp, fp, fn = (
        torch.stack([values.sum() for name, values in columns.items() if name.startswith(kind)])[None]
        for kind in COUNTS
    )
    means["iou_dataset"] = float(mean_of_present(_overlap(tp, fp, fn)))
    means["dice_dataset"] = float(mean_of_present(2 * tp / (2 * tp + fp + fn)))
    return means


def iou(*, prediction: Tensor, target: Tensor, valid: Tensor | None = None) -> Tensor:
    """Return the mean IoU of each image, (N,), NaN without a truth; the arguments are those of `per_image`."""
    return mean_of_present(_overlap(*_counts(*_one_hot(prediction, target, valid))))


def collapse(*, prediction: Tensor, target: Tensor, valid: Tensor | None = None, class_names: Sequence[str]) -> str:
    """Return "all" and the name of a class, or ""; the criterion is in `loss_study.metrics.collapse`."""
    predicted, true, known = _one_hot(prediction, target, valid)
    for k, name in enumerate(class_names):
        elsewhere, true_elsewhere = (int((~one[:, [k]] & known).sum()) for one in (predicted, true))
        if elsewhere < COLLAPSED_SHARE * true_elsewhere:
            return f"all {name}"
    return ""


def most_probable(prediction: Tensor) -> Tensor:
    """Return the number of the most probable class, the lower of equals, int64 (N, H, W); `prediction` (N, K, H, W)."""
    return prediction.argmax(dim=1)


def _one_hot(prediction: Tensor, target: Tensor, valid: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    check_pair(prediction, target, valid, several=True)
    predicted = F.one_hot(most_probable(prediction), prediction.shape[1]).movedim(3, 1).bool()
    return predicted, target > 0, known_pixels(target, valid)


def _counts(predicted: Tensor, true: Tensor, known: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return true positives, false positives and false negatives, each float64 (N, K)."""
    pairs = (predicted & true, predicted & ~true, ~predicted & true)
    tp, fp, fn = ((pixels & known).sum(dim=(2, 3)).double() for pixels in pairs)
    return tp, fp, fn


def _overlap(tp: Tensor, fp: Tensor, fn: Tensor) -> Tensor:
    """Return the IoU; NaN, 0 / 0, where neither prediction nor truth has the class."""
    return tp / (tp + fp + fn)
