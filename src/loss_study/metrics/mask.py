"""Metrics of the mask head. A pixel is foreground where its value is above the threshold.

Counts of true positives (TP), false positives (FP), false negatives (FN) and true negatives (TN) per image:

- iou = TP / (TP + FP + FN), dice = 2 TP / (2 TP + FP + FN), pixel_accuracy = (TP + TN) / pixels,
  precision = TP / (TP + FP), recall = TP / (TP + FN);
- boundary_f, the F-measure of the outlines: see `boundary_f`.

**Empty masks.** A fraction 0 / 0 is 1 where prediction and truth are both empty, else 0: nothing predicted has
precision 0 unless there was nothing to find, and nothing to find has recall 0 unless nothing was predicted.
All values are in [0, 1] without unit, the higher the better.
"""

from __future__ import annotations

import math

import torch
from torch.nn import functional as F

from loss_study.metrics import AT_BEST
from loss_study.metrics.arguments import check_pair

TARGET_THRESHOLD = 0.5
TOLERANCE_SHARE = 0.0075
THRESHOLDS = torch.arange(1, 100) / 100
COLLAPSED_SHARE = 0.01
COUNTS = ("true_positives", "false_positives", "false_negatives")


def per_image(*, prediction: torch.Tensor, target: torch.Tensor, threshold: float = 0.5) -> dict[str, torch.Tensor]:
    """Return the metrics above and the three `COUNTS` (in pixels), each float64 (N,).

    Args:
        prediction: probability of foreground, float (N, 1, H, W) in [0, 1].
        target: true mask, float (N, 1, H, W) in [0, 1] in steps of 1/255; foreground above 0.5.
        threshold: foreground is predicted above it.

    Raises:
        ValueError: shapes, ranges, or prediction and target swapped.
    """
    predicted, true = _binary(prediction, target, threshold)
    tp, fp, fn = _counts(predicted, true)
    pixels = true[0].numel()
    return {
        "iou": _ratio(tp, tp + fp + fn, tp + fp + fn),
        "dice": _ratio(2 * tp, 2 * tp + fp + fn, tp + fp + fn),
        "pixel_accuracy": (pixels - fp - fn) / pixels,
        "precision": _ratio(tp, tp + fp, tp + fp + fn),
        "recall": _ratio(tp, tp + fn, tp + fp + fn),
        "boundary_f": boundary_f(predicted, true),
        **dict(zip(COUNTS, (tp, fp, fn), strict=True)),
    }


def aggregate(columns: dict[str, torch.Tensor]) -> dict[str, float]:
    """Return the mean of each metric over the images, and ``iou_dataset``, ``dice_dataset`` from the summed counts.

    Args:
        columns: what `per_image` returned, concatenated over the batches; columns computed at the best threshold may
            stand beside them, their names ending in ``_at_best``.
    """
    means = {name: float(values.mean()) for name, values in columns.items() if not name.startswith(COUNTS)}
    for suffix in ("", AT_BEST):
        if COUNTS[0] + suffix in columns:
            tp, fp, fn = (columns[name + suffix].sum() for name in COUNTS)
            means["iou_dataset" + suffix] = float(_ratio(tp, tp + fp + fn, tp + fp + fn))
            means["dice_dataset" + suffix] = float(_ratio(2 * tp, 2 * tp + fp + fn, tp + fp + fn))
    return means


def iou(*, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return the IoU at 0.5 of each image, (N,); the arguments are those of `per_image`."""
    tp, fp, fn = _counts(*_binary(prediction, target, 0.5))
    return _ratio(tp, tp + fp + fn, tp + fp + fn)


def boundary_f(predicted: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    """Return the F-measure of the outlines, float64 (N,); both masks are bool (N, 1, H, W).

    The outline is the foreground pixels that have background among their eight neighbours; the edge of the picture
    is no outline. An outline pixel is matched if the other outline comes within the tolerance, 0.75 % of the
    diagonal rounded up (1 px at 64 x 64, 3 px at 224 x 224), along rows and columns at most. F = 2 P R / (P + R) of
    the matched shares P of the predicted and R of the true outline; 1 without any outline, 0 with one alone.

    Source: Martin, Fowlkes and Malik, Learning to Detect Natural Image Boundaries (2004); for masks, Perazzi et al., A
    Benchmark Dataset and Evaluation Methodology for Video Object Segmentation (2016).
    """
    tolerance = math.ceil(TOLERANCE_SHARE * math.hypot(*true.shape[-2:]))
    predicted_outline, true_outline = _outline(predicted), _outline(true)
    matched_predicted = _count(predicted_outline & _dilate(true_outline, tolerance))
    matched_true = _count(true_outline & _dilate(predicted_outline, tolerance))
    predicted_length, true_length = _count(predicted_outline), _count(true_outline)
    either = predicted_length + true_length
    precision = _ratio(matched_predicted, predicted_length, either)
    recall = _ratio(matched_true, true_length, either)
    return torch.where(precision + recall > 0, 2 * precision * recall / (precision + recall), 0.0)


def iou_by_threshold(*, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return the IoU of each image at each of the 99 `THRESHOLDS` 0.01 to 0.99, float64 (N, 99).

    One histogram per image and class, summed from above; the arguments are those of `per_image`.
    """
    check_pair(prediction, target)
    images, bins = len(prediction), len(THRESHOLDS) + 1
    # The bin of a value is the number of thresholds below it.
    bin_N1HW = torch.bucketize(prediction.float(), THRESHOLDS.to(prediction.device))
    image_N111 = torch.arange(images, device=prediction.device).view(-1, 1, 1, 1)
    cell_N1HW = (image_N111 * 2 + (target > TARGET_THRESHOLD)) * bins + bin_N1HW
    histogram = torch.bincount(cell_N1HW.flatten(), minlength=images * 2 * bins).view(images, 2, bins).double()
    above = histogram.flip(-1).cumsum(-1).flip(-1)
    fp, tp = above[:, 0, 1:], above[:, 1, 1:]
    union = fp + above[:, 1, :1]
    return _ratio(tp, union, union)


def best_threshold(*, prediction: torch.Tensor, target: torch.Tensor) -> float:
    """Return the threshold from 0.01 to 0.99 with the highest mean IoU over the images; of equals, nearest to 0.5.

    The arguments are those of `per_image`, over the whole validation split.
    """
    means = iou_by_threshold(prediction=prediction, target=target).mean(dim=0)
    best = (means >= means.max() - 1e-12).nonzero().flatten().tolist()
    return min(((index + 1) / 100 for index in best), key=lambda threshold: abs(threshold - 0.5))


def collapse(*, prediction: torch.Tensor, target: torch.Tensor) -> str:
    """Return "all background", "all foreground" or ""; the criterion is in `loss_study.metrics.collapse`."""
    predicted, true = _binary(prediction, target, 0.5)
    for name, guess, truth in (("all background", predicted, true), ("all foreground", ~predicted, ~true)):
        if int(guess.sum()) < COLLAPSED_SHARE * int(truth.sum()):
            return name
    return ""


def _binary(prediction: torch.Tensor, target: torch.Tensor, threshold: float) -> tuple[torch.Tensor, torch.Tensor]:
    check_pair(prediction, target)
    return prediction > threshold, target > TARGET_THRESHOLD


def _counts(predicted: torch.Tensor, true: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return _count(predicted & true), _count(predicted & ~true), _count(~predicted & true)


def _count(pixels_N1HW: torch.Tensor) -> torch.Tensor:
    return pixels_N1HW.sum(dim=(1, 2, 3)).double()


def _ratio(part: torch.Tensor, whole: torch.Tensor, either: torch.Tensor) -> torch.Tensor:
    """Divide; where `whole` is 0, the result is 1 if `either` is 0 as well (both masks are empty), else 0."""
    return torch.where(whole > 0, part / whole, (either == 0).double())


def _outline(mask: torch.Tensor) -> torch.Tensor:
    return mask & _dilate(~mask, 1)


def _dilate(mask: torch.Tensor, radius: int) -> torch.Tensor:
    return F.max_pool2d(mask.float(), 2 * radius + 1, stride=1, padding=radius) > 0
