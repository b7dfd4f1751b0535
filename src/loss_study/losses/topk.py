"""Cross-entropy of the worst pixels of each image only: what is right already is left alone."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from loss_study.losses.shared import class_weights as weighting
from loss_study.losses.shared.base import Loss
from loss_study.losses.shared.options import Range

NOTE = (
    "Only the worst pixels of an image have a gradient: wrong or noisy ground truth is learned first, and "
    "probabilities are driven towards 1/2 where the ground truth is uncertain."
)


def topk(
    logits: Tensor, target: Tensor, *, share: Annotated[float, Range(gt=0, le=1)] = 0.1, valid: Tensor | None = None
) -> Tensor:
    """Return the mean cross-entropy of the `share` of an image's valid pixels that have most; (N, C, H, W) to (N,).

    p is the softmax of the logits; for C = 1 the classes are background and foreground, p = sigmoid(logits).
    Source: Wu, Shen and van den Hengel, Bridging Category-level and Instance-level Semantic Image Segmentation (2016),
    section 3.2, with a share in the place of a threshold, as in Ma et al., Loss Odyssey in Medical Image Segmentation
    (2021). Values are 0 or more. Minimised by the ground truth where that is 0 or 1.

    Args:
        share: of the pixels, rounded to the nearest, at least one; 1 is `cross_entropy`.
        valid: float (N, 1, H, W), 0 at invalid pixels, which are left out.
    """
    log_p, shares = weighting.log_probabilities(logits, target)
    per_pixel = -(shares * log_p).sum(dim=1).flatten(1)
    if valid is None:
        return per_pixel.topk(_count(share, per_pixel.shape[1]), dim=1).values.mean(dim=1)
    counted = valid.flatten(1) > 0
    # Behind all others, whose values are 0 or more.
    ordered = torch.where(counted, per_pixel, -1).sort(dim=1, descending=True).values
    counts = [_count(share, number) for number in counted.sum(dim=1).tolist()]
    return torch.stack([values[:count].clamp_min(0).mean() for values, count in zip(ordered, counts, strict=True)])


def _count(share: float, pixels: int) -> int:
    return max(1, round(share * pixels))


LOSS = Loss(
    topk,
    heads=("mask",),
    multiclass=True,
    minimised_by_target=("mask", "classes"),
    notes={"mask": NOTE, "classes": NOTE},
)
