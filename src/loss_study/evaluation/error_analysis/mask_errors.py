"""Where predicted masks of one class are wrong, and whether their probabilities are as often right as they say."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from loss_study.evaluation.error_analysis import regions
from loss_study.evaluation.error_analysis.calibration import reliability
from loss_study.metrics.arguments import at_valid, check_pair
from loss_study.metrics.masks import above_threshold, foreground
from loss_study.metrics.thresholds import THRESHOLDS, iou_by_threshold


def describe(*, prediction: Tensor, target: Tensor, valid: Tensor | None = None) -> dict[str, Any]:
    """Return the errors of a whole split; prediction and target are float (N, 1, H, W) in [0, 1].

    Invalid pixels, where `valid` is 0, are not counted; None: all are valid.

    Returns:
        ``thresholds``, 0.01 to 0.99, and ``iou_by_threshold``, the mean IoU at each of them; ``regions``, see
        `by_region`; ``calibration``, see `calibration`.
    """
    iou_N99 = iou_by_threshold(prediction=prediction, target=target, valid=valid)
    return {
        "thresholds": THRESHOLDS.tolist(),
        "iou_by_threshold": (iou_N99.mean(dim=0) if valid is None else iou_N99.nanmean(dim=0)).tolist(),
        "regions": by_region(prediction=prediction, target=target, valid=valid),
        "calibration": calibration(prediction=prediction, target=target, valid=valid),
    }


def by_region(*, prediction: Tensor, target: Tensor, valid: Tensor | None = None) -> dict[str, dict[str, int]]:
    """Return pixels, false positives and false negatives at 0.5 in three parts that make up all valid pixels.

    ``outline`` is the band on both sides of the target's outline (`regions.outline`), ``interior`` the rest of the
    foreground, ``background`` the rest of the background.
    """
    predicted, true, counted = above_threshold(prediction, target, valid)
    band = regions.outline(target, valid)
    parts = {"interior": true & ~band & counted, "outline": band, "background": ~true & ~band & counted}
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

    See `reliability`; ``observed`` is the share of foreground, and ``error`` is that of the foreground pixels.
    """
    check_pair(prediction, target, valid)
    return reliability(at_valid(prediction, valid), at_valid(foreground(target), valid), of_class=True)
