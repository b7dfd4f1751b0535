"""Whether predicted probabilities are as often right as they say."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

BINS = 10


def reliability(probability: Tensor, outcome: Tensor) -> dict[str, Any]:
    """Return how often a prediction comes true by its probability.

    Args:
        probability: what was predicted, (pixels,) in [0, 1].
        outcome: 1 where it came true, else 0, (pixels,).

    Returns:
        Lists over ten equal bins of the probability: ``pixels``, ``predicted`` (mean probability) and ``observed``
        (share that came true), both NaN in an empty bin; and ``error``, the mean of the bins' |predicted - observed|,
        each bin weighted by what came true in it: how far off the probabilities are where the class is. NaN if nothing
        came true. Source: the expected calibration error of Guo, Pleiss, Sun and Weinberger, On Calibration of Modern
        Neural Networks (2017), eq. 3, whose weights are all pixels: on a mask nearly all of them are sure background,
        and it would be their error alone.
    """
    bin_of_pixel = (probability * BINS).long().clamp_max(BINS - 1)
    pixels, sum_predicted, sum_observed = (
        torch.bincount(bin_of_pixel, weights, BINS).double()
        for weights in (None, probability.double(), outcome.double())
    )
    predicted, observed = sum_predicted / pixels, sum_observed / pixels
    came_true = sum_observed.sum()
    gaps = torch.where(pixels > 0, (predicted - observed).abs(), 0.0)
    return {
        "pixels": pixels.long().tolist(),
        "predicted": predicted.tolist(),
        "observed": observed.tolist(),
        "error": float((gaps * sum_observed).sum() / came_true) if came_true else math.nan,
    }
