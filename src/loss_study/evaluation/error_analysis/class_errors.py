"""Where predicted masks of several classes are wrong, which class is taken for which, and their calibration."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from loss_study.evaluation.error_analysis import regions
from loss_study.evaluation.error_analysis.calibration import reliability
from loss_study.metrics.arguments import check_pair, valid_pixels
from loss_study.metrics.masks import most_probable


def describe(*, prediction: Tensor, target: Tensor, valid: Tensor | None = None) -> dict[str, Any]:
    """Return the errors of a whole split; prediction and target are float (N, K, H, W) in [0, 1], the target one-hot.

    Invalid pixels, where `valid` is 0, are not counted; None: all are valid.

    Returns:
        ``confusion``, pixels by true class (rows) and predicted class (columns); ``regions``: ``outline``, the band on
        both sides of the target's outlines (`regions.outline`), and ``elsewhere``, together all valid pixels, each with
        its ``pixels`` and how many are ``wrong``; ``calibration``, see `reliability`, of the probability of the
        predicted class.
    """
    check_pair(prediction, target, valid, several=True)
    classes = target.shape[1]
    counted = valid_pixels(target, valid)
    predicted, true = most_probable(prediction)[:, None], most_probable(target)[:, None]
    wrong, band = (predicted != true) & counted, regions.outline(target, valid)
    cells = torch.bincount((true * classes + predicted)[counted], minlength=classes**2)
    confidence = prediction.gather(1, predicted)[counted].double()
    return {
        "confusion": cells.view(classes, classes).tolist(),
        "regions": {
            name: {"pixels": int(part.sum()), "wrong": int((part & wrong).sum())}
            for name, part in (("outline", band), ("elsewhere", ~band & counted))
        },
        "calibration": reliability(confidence, (~wrong)[counted].double()),
    }
