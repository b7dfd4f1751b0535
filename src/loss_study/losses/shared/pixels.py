"""Arithmetic that losses share: probabilities from logits, means and sums over valid pixels, soft overlaps.

`valid` is 1 where a pixel has ground truth, else 0, float (N, 1, H, W); None: all pixels are valid.
"""

from __future__ import annotations

import torch
from torch import Tensor


def probability(logits: Tensor) -> Tensor:
    """Return the probabilities of `logits` (N, C, H, W): the sigmoid for C = 1, the softmax over C for more classes."""
    return torch.sigmoid(logits) if logits.shape[1] == 1 else torch.softmax(logits, dim=1)


def mean(values_NCHW: Tensor, valid: Tensor | None = None) -> Tensor:
    """Return the mean of each image over channels and valid pixels, (N,); 0 for an image without valid pixels."""
    if valid is None:
        return values_NCHW.mean(dim=(1, 2, 3))
    counted = valid.sum(dim=(1, 2, 3)).clamp_min(1) * values_NCHW.shape[1]
    return total(values_NCHW, valid).sum(dim=1) / counted


def total(values_NCHW: Tensor, valid: Tensor | None = None) -> Tensor:
    """Return the sum of each image and channel over the valid pixels, (N, C)."""
    if valid is not None:
        # Not a product: values of invalid pixels may be infinite.
        values_NCHW = torch.where(valid > 0, values_NCHW, 0)
    return values_NCHW.sum(dim=(2, 3))


def overlap(logits: Tensor, target: Tensor, valid: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """Return the soft sizes of the intersection, of the prediction and of the target, in valid pixels, each (N, C).

    With p the probabilities: sum p t, sum p and sum t.
    """
    prediction = probability(logits)
    return total(prediction * target, valid), total(prediction, valid), total(target, valid)


def tversky_error(
    logits: Tensor, target: Tensor, alpha: float, beta: float, smooth: float, valid: Tensor | None = None
) -> Tensor:
    """Return 1 - (I + s) / (I + alpha FP + beta FN + s) of each image and channel, (N, C); see `losses.tversky`."""
    intersection, predicted, true = overlap(logits, target, valid)
    false = alpha * (predicted - intersection) + beta * (true - intersection)
    return false / (intersection + false + smooth)
