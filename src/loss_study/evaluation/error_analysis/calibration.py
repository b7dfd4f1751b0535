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
        probability: what was predicted, float64 (pixels,) in [0, 1].
        outcome: 1 where it came true, else 0, float64 (pixels,).

    Returns:
        Lists over ten equal bins of the probability: ``pixels``, ``predicted`` (mean probability) and ``observed``
        (share that came true), both NaN in an empty bin; and ``error``, the expected calibration error: the mean of
        the bins' |predicted - observed|, weighted by their pixels. Source: Guo, Pleiss, Sun and Weinberger, On
        Calibration of Modern Neural Networks (2017), eq. 3.
    """
    bin_of_pixel = (probability * BINS).long().clamp_max(BINS - 1)
    pixels, sum_predicted, sum_observed = (
        torch.bincount(bin_of_pixel, weights, BINS).double() for weights in (None, probability, outcome)
    )
    return {
        "pixels": pixels.long().tolist(),
        "predicted": (sum_predicted / pixels).tolist(),
        "observed": (sum_observed / pixels).tolist(),
        "error": float((sum_predicted - sum_observed).abs().sum() / len(probability)) if len(probability) else math.nan,
    }
