"""Where predicted masks of several classes are wrong, what is taken for what, and whether probabilities hold."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from loss_study.evaluation import regions
from loss_study.evaluation.mask_errors import reliability
from loss_study.metrics.arguments import check_pair, known_pixels
from loss_study.metrics.classes import most_probable


def describe(*, prediction: Tensor, target: Tensor, valid: Tensor | None = None) -> dict[str, Any]:
    """Return the errors of a whole split; prediction and truth are float (N, K, H, W) in [0, 1], the truth one-hot.

    Pixels without a truth, where `valid` is 0, are not counted; None: all have one.

    Returns:
        ``confusion``, pixels by true class (rows) and predicted class (columns); ``regions``: ``outline``, the band on
        both sides of the true outlines (`regions.outline`), and ``elsewhere``, together all pixels with a truth, each
        with its ``pixels`` and how many are ``wrong``; ``calibration``, see `mask_errors.reliability`, of the
        probability of the predicted class.
    """
    check_pair(prediction, target, valid, several=True)
    classes = target.shape[1]
    known = known_pixels(target, valid)
    predicted, true = most_probable(prediction)[:, None], most_probable(target)[:, None]
    wrong, band = (predicted != true) & known, regions.outline(target, valid)
    cells = torch.bincount((true * classes + predicted)[known], minlength=classes**2)
    confidence = prediction.gather(1, predicted)[known].double()
    return {
        "confusion": cells.view(classes, classes).tolist(),
        "regions": {
            name: {"pixels": int(part.sum()), "wrong": int((part & wrong).sum())}
            for name, part in (("outline", band), ("elsewhere", ~band & known))
        },
        "calibration": reliability(confidence, (~wrong)[known].double()),
    }
