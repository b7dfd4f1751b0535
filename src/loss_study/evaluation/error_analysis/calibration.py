"""Whether predicted probabilities are as often right as they say."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

BINS = 10


def reliability(probability: Tensor, outcome: Tensor, *, of_class: bool = False) -> dict[str, Any]:
    """Return how often a prediction comes true by its probability.

    Args:
        probability: what was predicted, (pixels,) in [0, 1].
        outcome: 1 where it came true, else 0, (pixels,).
        of_class: whether the error is that of the pixels where it came true alone.

    Returns:
        Lists over ten equal bins of the probability: ``pixels``, ``predicted`` (mean probability) and ``observed``
        (share that came true), both NaN in an empty bin; and ``error``, the expected calibration error: the mean of the
        bins' |predicted - observed|, weighted by their pixels, with `of_class` by those that came true; NaN without
        any. Source: Guo, Pleiss, Sun and Weinberger, On Calibration of Modern Neural Networks (2017), eq. 3. Nearly all
        pixels of a mask are sure background, in the first bin: weighted by all of them, the error of a mask would be
        that bin's alone.
    """
    bin_of_pixel = (probability * BINS).long().clamp_max(BINS - 1)
    pixels, sum_predicted, sum_observed = (
        torch.bincount(bin_of_pixel, weights, BINS).double()
        for weights in (None, probability.double(), outcome.double())
    )
    predicted, observed = sum_predicted / pixels, sum_observed / pixels
    weights = sum_observed if of_class else pixels
    gaps = torch.where(pixels > 0, (predicted - observed).abs(), 0.0)
    return {
        "pixels": pixels.long().tolist(),
        "predicted": predicted.tolist(),
        "observed": observed.tolist(),
        "error": float((gaps * weights).sum() / weights.sum()) if weights.any() else math.nan,
    }
