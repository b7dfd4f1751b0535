"""Squared error after the best scaling and shifting of the prediction: the shape of the depth counts, not its unit."""

from __future__ import annotations

import torch
from torch import Tensor

from loss_study.losses.shared.base import Loss
from loss_study.losses.shared.pixels import mean

LEAST_VARIANCE = 1e-6


def ssi(logits: Tensor, target: Tensor, *, valid: Tensor | None = None) -> Tensor:
    """Return half the mean over valid pixels of (a p + b - t)^2, a and b being the best; (N, 1, H, W) to (N,).

    p = sigmoid(logits). Source: Ranftl, Lasinger, Hafner, Schindler and Koltun, Towards Robust Monocular Depth
    Estimation (2020), eqs. 1, 2 and 4 (the squared form). The best a and b of each image are those of a least
    squares line, a = cov(p, t) / var(p) and b = mean t - a mean p, here with var(p) + 1e-6, which a flat prediction
    needs. Values from 0 to half the variance of the target; 0 for a t + b of any a
    and b, as long as its variance is far above 1e-6.

    Args:
        valid: float (N, 1, H, W), 0 at invalid pixels, which are left out.
    """
    prediction = _centred(torch.sigmoid(logits), valid)
    centred_target = _centred(target, valid)
    variance = mean(prediction.square(), valid)
    scale = mean(prediction * centred_target, valid) / (variance + LEAST_VARIANCE)
    return mean((scale.view(-1, 1, 1, 1) * prediction - centred_target).square(), valid) / 2


def _centred(depth: Tensor, valid: Tensor | None) -> Tensor:
    return depth - mean(depth, valid).view(-1, 1, 1, 1)


LOSS = Loss(
    ssi,
    heads=("depth",),
    notes={
        "depth": "Minimised by the ground truth, but also by every scaled and shifted version of it that is not nearly "
        "flat, even an inverted one: the metrics compare the depth as predicted, so alone it ranks low. Combine it "
        "with l1 or rmse."
    },
)
