"""Where predicted masks are wrong, and whether their probabilities mean what they say."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from loss_study.evaluation import regions
from loss_study.metrics.arguments import check_pair, known_pixels
from loss_study.metrics.mask import THRESHOLDS, iou_by_threshold

CALIBRATION_BINS = 10


def describe(*, prediction: Tensor, target: Tensor, valid: Tensor | None = None) -> dict[str, Any]:
    """Return the errors of a whole split; prediction and truth are float (N, 1, H, W) in [0, 1].

    Pixels without a truth, where `valid` is 0, are not counted; None: all have one.

    Returns:
        ``thresholds``, 0.01 to 0.99, and ``iou_by_threshold``, the mean IoU at each of them; ``regions``, see
        `by_region`; ``calibration``, see `calibration`.
    """
    pair = {"prediction": prediction, "target": target, "valid": valid}
    iou_N99 = iou_by_threshold(**pair)
    return {
        "thresholds": THRESHOLDS.tolist(),
        "iou_by_threshold": (iou_N99.mean(dim=0) if valid is None else iou_N99.nanmean(dim=0)).tolist(),
        "regions": by_region(**pair),
        "calibration": calibration(**pair),
    }


def by_region(*, prediction: Tensor, target: Tensor, valid: Tensor | None = None) -> dict[str, dict[str, int]]:
    """Return pixels, false positives and false negatives at 0.5 in three parts that make up all pixels with a truth.

    ``outline`` is the band on both sides of the true outline (`regions.outline`), ``interior`` the rest of the
    foreground, ``background`` the rest of the background.
    """
    check_pair(prediction, target, valid)
    known = known_pixels(target, valid)
    predicted, true, band = prediction > 0.5, regions.foreground(target), regions.outline(target, valid)
    parts = {"interior": true & ~band & known, "outline": band, "background": ~true & ~band & known}
    return {
        name: {
            "pixels": int(part.sum()),
            "false_positives": int((part & predicted & ~true).sum()),
            "false_negatives": int((part & ~predicted & true).sum()),
        }
        for name, part in parts.items()
    }


def calibration(*, prediction: Tensor, target: Tensor, valid: Tensor | None = None) -> dict[str, Any]:
    """Return how often a pixel is foreground by the probability that is predicted for it, over all pixels together.

    Returns:
        Lists over ten equal bins of the probability: ``pixels``, ``predicted`` (mean probability) and ``observed``
        (share of foreground), both NaN in an empty bin; and ``error``, the expected calibration error: the mean of
        the bins' |predicted - observed|, weighted by their pixels. Source: Guo, Pleiss, Sun and Weinberger, On
        Calibration of Modern Neural Networks (2017), eq. 3, for the probability of foreground.
    """
    check_pair(prediction, target, valid)
    known = known_pixels(target, valid)
    return reliability(prediction[known].double(), regions.foreground(target)[known].double())


def reliability(probability: Tensor, outcome: Tensor) -> dict[str, Any]:
    """Return what `calibration` says of flat tensors: what was predicted, and 1 where it came true, else 0."""
    place = (probability * CALIBRATION_BINS).long().clamp_max(CALIBRATION_BINS - 1)
    pixels, sum_predicted, sum_observed = (
        torch.bincount(place, weights, CALIBRATION_BINS).double() for weights in (None, probability, outcome)
    )
    return {
        "pixels": pixels.long().tolist(),
        "predicted": (sum_predicted / pixels).tolist(),
        "observed": (sum_observed / pixels).tolist(),
        "error": float((sum_predicted - sum_observed).abs().sum() / len(probability)) if len(probability) else math.nan,
    }
