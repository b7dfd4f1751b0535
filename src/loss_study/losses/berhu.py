"""Absolute error for small differences, squared error for large ones: the opposite of huber, outliers weigh most."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from loss_study.losses.shared.base import Loss
from loss_study.losses.shared.options import Range
from loss_study.losses.shared.pixels import mean

LEAST_THRESHOLD = 1e-6


def berhu(
    logits: Tensor, target: Tensor, *, share: Annotated[float, Range(gt=0, le=1)] = 0.2, valid: Tensor | None = None
) -> Tensor:
    """Return the mean over valid pixels of |e| where |e| <= c, else (e^2 + c^2) / (2 c); (N, 1, H, W) to (N,).

    e = sigmoid(logits) - target, c = share max |e| over the image's valid pixels. Source: Laina, Rupprecht,
    Belagiannis, Tombari and Navab, Deeper Depth Prediction with Fully Convolutional Residual Networks (2016), eq. 2;
    there the maximum is over the batch. Minimised by the ground truth, where it is 0, for every target in [0, 1].

    c is a constant in the gradient. Otherwise a larger error at the worst pixel would lower the loss of the others.

    Args:
        share: the threshold c as a part of the largest error; 1 is `l1`.
        valid: float (N, 1, H, W), 0 at invalid pixels, which are left out.
    """
    errors = (torch.sigmoid(logits) - target).abs()
    counted = errors if valid is None else torch.where(valid > 0, errors, 0)
    largest = counted.detach().amax(dim=(1, 2, 3), keepdim=True)
    threshold = (share * largest).clamp_min(LEAST_THRESHOLD)
    squared = (errors.square() + threshold.square()) / (2 * threshold)
    return mean(torch.where(errors <= threshold, errors, squared), valid)


LOSS = Loss(
    berhu,
    heads=("depth",),
    notes={
        "depth": "The worst pixel of each image sets the error at which it turns from absolute to squared: a single "
        "outlier makes it plain l1 for all other pixels."
    },
)
