"""Metrics of a mask of one class. A pixel is foreground where its value is above the threshold.

Counts of true positives (TP), false positives (FP), false negatives (FN) and true negatives (TN) per image:

- iou = TP / (TP + FP + FN), dice = 2 TP / (2 TP + FP + FN), pixel_accuracy = (TP + TN) / pixels,
  precision = TP / (TP + FP), recall = TP / (TP + FN);
- mean_iou, the mean of the IoU of foreground and that of background, of those that prediction or truth has;
- boundary_f, the F-measure of the outlines: see `boundary_f`;
- custom_iou, soft and of both classes together, whatever the threshold: see `counting.soft_iou`.

**Empty masks.** A fraction 0 / 0 is 1 where prediction and truth are both empty, else 0: nothing predicted has
precision 0 unless there was nothing to find, and nothing to find has recall 0 unless nothing was predicted.
**Gaps.** Pixels without a truth are not counted, nor do outlines run along them; an image without a truth has NaN.
All values are in [0, 1] without unit, the higher the better.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from loss_study.metrics import AT_BEST, CUSTOM_IOU
from loss_study.metrics.arguments import check_pair, known_pixels
from loss_study.metrics.counting import count, mean_of_present, mean_over_images, ratio, soft_iou

TARGET_THRESHOLD = 0.5
TOLERANCE_SHARE = 0.0075
THRESHOLDS = torch.arange(1, 100) / 100
COLLAPSED_SHARE = 0.01
COUNTS = ("true_positives", "false_positives", "false_negatives")


def per_image(
    *, prediction: Tensor, target: Tensor, valid: Tensor | None = None, threshold: float = 0.5
) -> dict[str, Tensor]:
    """Return the metrics above and the three `COUNTS` (in pixels), each float64 (N,).

    Args:
        prediction: probability of foreground, float (N, 1, H, W) in [0, 1].
        target: true mask, float (N, 1, H, W) in [0, 1] in steps of 1/255; foreground above 0.5.
        valid: 1 where a pixel has a truth, else 0, (N, 1, H, W); None: all have.
        threshold: foreground is predicted above it.

    Raises:
        ValueError: shapes, ranges, or prediction and target swapped.
    """
    values = at_threshold(prediction=prediction, target=target, valid=valid, threshold=threshold)
    true, known = target > TARGET_THRESHOLD, known_pixels(target, valid)
    soft = soft_iou(torch.cat([1 - prediction, prediction], dim=1), torch.cat([~true, true], dim=1), known)
    return values | {CUSTOM_IOU: _where_known(soft, known)}


def at_threshold(
    *, prediction: Tensor, target: Tensor, valid: Tensor | None = None, threshold: float
) -> dict[str, Tensor]:
    """Return what of `per_image` depends on the threshold; the arguments are the same."""
    predicted, true, known = _binary(prediction, target, valid, threshold)
    tp, fp, fn = _counts(predicted, true, known)
    pixels = count(known)
    tn = pixels - tp - fp - fn
    # A class that neither has is 0 / 0, NaN, and left out of the mean.
    mean_iou = mean_of_present(torch.stack([tp / (tp + fp + fn), tn / (tn + fp + fn)], dim=1))
    values = {
        "iou": ratio(tp, tp + fp + fn, tp + fp + fn),
        "dice": ratio(2 * tp, 2 * tp + fp + fn, tp + fp + fn),
        "mean_iou": mean_iou,
        "pixel_accuracy": (pixels - fp - fn) / pixels,
        "precision": ratio(tp, tp + fp, tp + fp + fn),
        "recall": ratio(tp, tp + fn, tp + fp + fn),
        "boundary_f": boundary_f(predicted, true, known),
    }
    values = {name: _where_known(value, known) for name, value in values.items()}
    return values | dict(zip(COUNTS, (tp, fp, fn), strict=True))


def aggregate(columns: dict[str, Tensor]) -> dict[str, float]:
    """Return the mean of each metric over the images, and ``iou_dataset``, ``dice_dataset`` from the summed counts.

    Args:
        columns: what `per_image` returned, concatenated over the batches; columns computed at the best threshold may
            stand beside them, their names ending in ``_at_best``.
    """
    means = {name: mean_over_images(values) for name, values in columns.items() if not name.startswith(COUNTS)}
    for suffix in ("", AT_BEST):
        if COUNTS[0] + suffix in columns:
            tp, fp, fn = (columns[name + suffix].sum() for name in COUNTS)
            means["iou_dataset" + suffix] = float(ratio(tp, tp + fp + fn, tp + fp + fn))
            means["dice_dataset" + suffix] = float(ratio(2 * tp, 2 * tp + fp + fn, tp + fp + fn))
    return means


def iou(*, prediction: Tensor, target: Tensor, valid: Tensor | None = None) -> Tensor:
    """Return the IoU at 0.5 of each image, (N,), NaN without a truth; the arguments are those of `per_image`."""
    predicted, true, known = _binary(prediction, target, valid, 0.5)
    tp, fp, fn = _counts(predicted, true, known)
    return _where_known(ratio(tp, tp + fp + fn, tp + fp + fn), known)


def boundary_f(predicted: Tensor, true: Tensor, known: Tensor | None = None) -> Tensor:
    """Return the F-measure of the outlines, float64 (N,); all are bool (N, 1, H, W), `known` where there is a truth.

    The outline is the foreground pixels that have background among their eight neighbours; the edge of the picture
    and that of a gap is no outline. An outline pixel is matched if the other outline comes within the tolerance,
    0.75 % of the diagonal rounded up (1 px at 64 x 64, 3 px at 224 x 224), along rows and columns at most.
    F = 2 P R / (P + R) of the matched shares P of the predicted and R of the true outline; 1 without any outline, 0
    with one alone.

    Source: Martin, Fowlkes and Malik, Learning to Detect Natural Image Boundaries (2004); for masks, Perazzi et al., A
    Benchmark Dataset and Evaluation Methodology for Video Object Segmentation (2016).
    """
    tolerance = math.ceil(TOLERANCE_SHARE * math.hypot(*true.shape[-2:]))
    known = torch.ones_like(true) if known is None else known
    predicted_outline, true_outline = _outline(predicted, known), _outline(true, known)
    matched_predicted = count(predicted_outline & _dilate(true_outline, tolerance))
    matched_true = count(true_outline & _dilate(predicted_outline, tolerance))
    predicted_length, true_length = count(predicted_outline), count(true_outline)
    either = predicted_length + true_length
    precision = ratio(matched_predicted, predicted_length, either)
    recall = ratio(matched_true, true_length, either)
    return torch.where(precision + recall > 0, 2 * precision * recall / (precision + recall), 0.0)


def iou_by_threshold(*, prediction: Tensor, target: Tensor, valid: Tensor | None = None) -> Tensor:
    """Return the IoU of each image at each of the 99 `THRESHOLDS` 0.01 to 0.99, float64 (N, 99); NaN without a truth.

    One histogram per image and class, summed from above; the arguments are those of `per_image`.
    """
    check_pair(prediction, target, valid)
    images, bins = len(prediction), len(THRESHOLDS) + 1
    # The bin of a value is the number of thresholds below it.
    bin_N1HW = torch.bucketize(prediction.float(), THRESHOLDS.to(prediction.device))
    image_N111 = torch.arange(images, device=prediction.device).view(-1, 1, 1, 1)
    cell_N1HW = (image_N111 * 2 + (target > TARGET_THRESHOLD)) * bins + bin_N1HW
    known = known_pixels(target, valid)
    histogram = torch.bincount(cell_N1HW[known], minlength=images * 2 * bins).view(images, 2, bins).double()
    above = histogram.flip(-1).cumsum(-1).flip(-1)
    fp, tp = above[:, 0, 1:], above[:, 1, 1:]
    union = fp + above[:, 1, :1]
    return _where_known(ratio(tp, union, union), known)


def best_threshold(*, prediction: Tensor, target: Tensor, valid: Tensor | None = None) -> float:
    """Return the threshold from 0.01 to 0.99 with the highest mean IoU over the images; of equals, nearest to 0.5.

    The arguments are those of `per_image`, over the whole validation split; without any truth it is 0.5.
    """
    means = iou_by_threshold(prediction=prediction, target=target, valid=valid).nanmean(dim=0)
    best = (means >= means.max() - 1e-12).nonzero().flatten().tolist()
    return min(((index + 1) / 100 for index in best), key=lambda threshold: abs(threshold - 0.5), default=0.5)


def collapse(*, prediction: Tensor, target: Tensor, valid: Tensor | None = None) -> str:
    """Return "all background", "all foreground" or ""; the criterion is in `loss_study.metrics.collapse`."""
    predicted, true, known = _binary(prediction, target, valid, 0.5)
    for name, guess, truth in (("all background", predicted, true), ("all foreground", ~predicted, ~true)):
        if int((guess & known).sum()) < COLLAPSED_SHARE * int((truth & known).sum()):
            return name
    return ""


def _binary(
    prediction: Tensor, target: Tensor, valid: Tensor | None, threshold: float
) -> tuple[Tensor, Tensor, Tensor]:
    check_pair(prediction, target, valid)
    return prediction > threshold, target > TARGET_THRESHOLD, known_pixels(target, valid)


def _counts(predicted: Tensor, true: Tensor, known: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return count(predicted & true & known), count(predicted & ~true & known), count(~predicted & true & known)


def _where_known(values: Tensor, known: Tensor) -> Tensor:
    """Put NaN in place of the values of images without a truth."""
    some = known.flatten(1).any(dim=1).view(-1, *[1] * (values.ndim - 1))
    return torch.where(some, values, math.nan)


def _outline(mask: Tensor, known: Tensor) -> Tensor:
    return mask & known & _dilate(~mask & known, 1)


def _dilate(mask: Tensor, radius: int) -> Tensor:
    return F.max_pool2d(mask.float(), 2 * radius + 1, stride=1, padding=radius) > 0
