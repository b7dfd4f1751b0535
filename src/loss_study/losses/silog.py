"""Squared error of the logarithm, less a part of what one factor for the whole image explains: ratios count."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from loss_study.losses.shared.base import Loss
from loss_study.losses.shared.options import Range
from loss_study.losses.shared.pixels import mean


def silog(
    logits: Tensor,
    target: Tensor,
    *,
    focus: Annotated[float, Range(ge=0, le=1)] = 0.5,
    floor: Annotated[float, Range(gt=0)] = 0.01,
    valid: Tensor | None = None,
) -> Tensor:
    """Return mean d^2 - focus (mean d)^2 over the valid pixels; (N, 1, H, W) to (N,), 0 or more.

    d = log(p + floor) - log(t + floor), p = sigmoid(logits). Source: Eigen, Puhrsch and Fergus, Depth Map
    Prediction from a Single Image (2014), eq. 4, whose lambda is `focus`; their depths are never 0, ours may be.
    Minimised by the ground truth, where it is 0, for every target in [0, 1]; with focus = 1 by every multiple of
    p + floor.

    Args:
        focus: 0 is the squared error of the logarithm, 1 ignores a common factor completely.
        floor: added to both depths, in shares of the depth range; the default is 2.5 grey values of 8 bits. Added,
            not a lower bound, so that a prediction below it still has a gradient.
        valid: float (N, 1, H, W), 0 at invalid pixels, which are left out.
    """
    difference = (torch.sigmoid(logits) + floor).log() - (target + floor).log()
    shift = mean(difference, valid)
    # Written as a variance, which rounding does not make negative.
    return mean((difference - shift.view(-1, 1, 1, 1)).square(), valid) + (1 - focus) * shift.square()


LOSS = Loss(
    silog,
    heads=("depth",),
    notes={
        "depth": "Small depths count most: an error of a tenth of the depth costs the same near and far. Differences "
        "between depths below the floor hardly count."
    },
)
