"""The threshold above which a pixel is predicted as foreground: IoU at 99 of them, and the best one."""

from __future__ import annotations

import torch
from torch import Tensor

from loss_study.metrics.arguments import at_valid, check_pair, nan_without_valid, valid_pixels
from loss_study.metrics.counting import ratio
from loss_study.metrics.masks import foreground

THRESHOLDS = torch.arange(1, 100) / 100


def iou_by_threshold(*, prediction: Tensor, target: Tensor, valid: Tensor | None = None) -> Tensor:
    """Return the IoU of each image at each of `THRESHOLDS`, 0.01 to 0.99, float64 (N, 99); NaN without a valid pixel.

    One histogram per image and class, summed from above; the arguments are those of `masks.above_threshold`.
    """
    check_pair(prediction, target, valid)
    images, bins = len(prediction), len(THRESHOLDS) + 1
    # The bin of a value is the number of thresholds below it.
    bin_N1HW = torch.bucketize(prediction.float(), THRESHOLDS.to(prediction.device))
    image_N111 = torch.arange(images, device=prediction.device).view(-1, 1, 1, 1)
    cell_N1HW = (image_N111 * 2 + foreground(target)) * bins + bin_N1HW
    histogram = torch.bincount(at_valid(cell_N1HW, valid), minlength=images * 2 * bins).view(images, 2, bins).double()
    above = histogram.flip(-1).cumsum(-1).flip(-1)
    false_positives, true_positives = above[:, 0, 1:], above[:, 1, 1:]
    union = false_positives + above[:, 1, :1]
    return nan_without_valid(ratio(true_positives, union, union), valid_pixels(target, valid))


def best_threshold(*, prediction: Tensor, target: Tensor, valid: Tensor | None = None) -> float:
    """Return the threshold from 0.01 to 0.99 with the highest mean IoU over the images; of equals, nearest to 0.5.

    The arguments are those of `masks.above_threshold`, over a whole split; without any valid pixel it is 0.5.
    """
    means = iou_by_threshold(prediction=prediction, target=target, valid=valid).nanmean(dim=0)
    best = (means >= means.max() - 1e-12).nonzero().flatten().tolist()
    return min(((index + 1) / 100 for index in best), key=lambda threshold: abs(threshold - 0.5), default=0.5)
