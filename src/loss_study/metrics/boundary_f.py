"""Boundary F: how well the outline of the predicted mask matches that of the target.

The outline is the foreground pixels that have background among their eight neighbours; neither the edge of the image
nor the edge of the valid pixels is an outline. An outline pixel is matched if the other outline comes within the
tolerance, 0.75 % of the diagonal rounded up (1 px at 64 x 64, 3 px at 224 x 224), along rows and columns at most.
F = 2 P R / (P + R) of the matched shares P of the predicted and R of the true outline.

Source: Martin, Fowlkes and Malik, Learning to Detect Natural Image Boundaries (2004); for masks, Perazzi et al., A
Benchmark Dataset and Evaluation Methodology for Video Object Segmentation (2016).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from loss_study.metrics.base import Metric
from loss_study.metrics.counting import mean_of_present, pixel_count, ratio

if TYPE_CHECKING:
    from torch import Tensor

    from loss_study.metrics.masks import Masks

#: The tolerance as a share of the image's diagonal.
TOLERANCE_SHARE = 0.0075

BOUNDARY_F = Metric(
    "boundary_f",
    "Boundary F",
    "F-measure of the outlines, matched within 0.75 % of the image's diagonal.",
    lowest=0,
    highest=1,
)
CLASS_BOUNDARY_F = Metric(
    "boundary_f",
    "Boundary F",
    "F-measure of the outlines of each class, their mean; within 0.75 % of the diagonal.",
    lowest=0,
    highest=1,
)


def boundary_f(masks: Masks) -> Tensor:
    """Return the F-measure of the outlines of each image, in [0, 1], (N,); 0 with one outline alone.

    Without any outline it is 1 where prediction and target are equal, and 0 where they differ.

    Args:
        masks: of one class. An image without a valid pixel has no outline, and gets 1.
    """
    tolerance = tolerance_px(masks.target)
    predicted_outline, target_outline = _outline(masks.predicted, masks.valid), _outline(masks.target, masks.valid)
    matched_predicted = pixel_count(predicted_outline & dilated(target_outline, tolerance))
    matched_target = pixel_count(target_outline & dilated(predicted_outline, tolerance))
    predicted_length, target_length = pixel_count(predicted_outline), pixel_count(target_outline)
    either = predicted_length + target_length
    precision = ratio(matched_predicted, predicted_length, either)
    recall = ratio(matched_target, target_length, either)
    score = (2 * precision * recall / (precision + recall)).where(precision + recall > 0, 0.0)
    return score.where((either > 0) | ~_differ(masks), 0.0)


def _differ(masks: Masks) -> Tensor:
    """Return whether prediction and target differ at a valid pixel, bool (N,)."""
    return ((masks.predicted != masks.target) & masks.valid).flatten(1).any(dim=1)


def class_mean_boundary_f(masks: Masks, union_NK: Tensor) -> Tensor:
    """Return the mean of `boundary_f` over the classes that the image or its prediction has, in [0, 1], (N,).

    Args:
        masks: of K classes.
        union_NK: pixels of each image that are predicted or true to be of the class.
    """
    import torch  # noqa: PLC0415

    outlines = [boundary_f(masks.of_class(number)) for number in range(masks.target.shape[1])]
    return mean_of_present(torch.where(union_NK > 0, torch.stack(outlines, dim=1), torch.nan))


def tolerance_px(image_NCHW: Tensor) -> int:
    """Return the tolerance in pixels for images of this size."""
    return math.ceil(TOLERANCE_SHARE * math.hypot(*image_NCHW.shape[-2:]))


def _outline(mask: Tensor, valid: Tensor) -> Tensor:
    return mask & valid & dilated(~mask & valid, 1)


def dilated(mask: Tensor, radius: int) -> Tensor:
    """Return which pixels have one of `mask` in the square of 2 `radius` + 1 pixels around them."""
    for dim in (2, 3):
        grown = mask.clone()
        for shift in range(1, radius + 1):
            near, far = mask.narrow(dim, 0, mask.shape[dim] - shift), mask.narrow(dim, shift, mask.shape[dim] - shift)
            grown.narrow(dim, shift, near.shape[dim]).logical_or_(near)
            grown.narrow(dim, 0, far.shape[dim]).logical_or_(far)
        mask = grown
    return mask
