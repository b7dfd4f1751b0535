"""Absolute error for small differences, squared error for large ones: the opposite of huber, outliers pull hard."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from loss_study.losses._pixels import mean

LEAST_THRESHOLD = 1e-6
HEADS = ("depth",)
NOTES = {
    "depth": "Where it turns from absolute to squared is set by the worst pixel of each picture: one wild pixel makes "
    "it plain l1 for the others.",
}


def loss(
    logits: Tensor, target: Tensor, *, share: Annotated[float, Field(gt=0, le=1)] = 0.2, valid: Tensor | None = None
) -> Tensor:
    """Return the mean over valid pixels of |e| where |e| <= c, else (e^2 + c^2) / (2 c); (N, 1, H, W) to (N,).

    e = sigmoid(logits) - target, c = share max |e| over the image's valid pixels. Source: Laina, Rupprecht,
    Belagiannis, Tombari and Navab, Deeper Depth Prediction with Fully Convolutional Residual Networks (2016), eq. 2;
    there the maximum is over the batch. Minimised by the truth, where it is 0, for every target in [0, 1].

    The gradient takes c as given. Through c, the worst pixel would gain by becoming worse.

    Args:
        share: the threshold c as a part of the largest error; 1 is `l1`.
        valid: float (N, 1, H, W), 0 where a pixel has no truth and is left out.
    """
    errors = (torch.sigmoid(logits) - target).abs()
    counted = errors if valid is None else torch.where(valid > 0, errors, 0)
    largest = counted.detach().amax(dim=(1, 2, 3), keepdim=True)
    threshold = (share * largest).clamp_min(LEAST_THRESHOLD)
    squared = (errors.square() + threshold.square()) / (2 * threshold)
    return mean(torch.where(errors <= threshold, errors, squared), valid)
