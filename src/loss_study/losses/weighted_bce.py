"""Binary cross-entropy in which foreground pixels weigh more, so that a small foreground is not outvoted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import torch
from pydantic import BeforeValidator
from torch.nn import functional as F

from loss_study.losses import TargetStatistics, _pixels
from loss_study.runtime.errors import StudyError

KEY = "loss_options.weighted_bce.pos_weight"
NOTES = {
    "mask": "At 0.5 it marks every pixel whose chance of being foreground is above 1 / (1 + pos_weight): recall gains, "
    "precision pays, and the best threshold lies above 0.5.",
    "depth": "Not minimised by the truth: a depth t is answered best by w t / (w t + 1 - t) with w = pos_weight, so "
    "every depth strictly between 0 and 1 is pushed away from its true value unless w = 1.",
}


def _positive_or_auto(value: Any) -> Any:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if value == "auto" or (number and 0 < value < math.inf):
        return value
    raise ValueError("Input should be a number above 0, or auto")


PosWeight = Annotated[float | Literal["auto"], BeforeValidator(_positive_or_auto)]


def loss(
    logits: torch.Tensor,
    target: torch.Tensor,
    *,
    valid: torch.Tensor | None = None,
    pos_weight: PosWeight = "auto",
) -> torch.Tensor:
    """Return the mean over valid pixels of -w t log p - (1 - t) log(1 - p), p = sigmoid(logits); (N, 1, H, W) to (N,).

    Source: King and Zeng, Logistic Regression in Rare Events Data (2001), weighted likelihood, the
    weight of the background being 1.

    The derivative by the logit is p (w t + 1 - t) - w t, so the minimum is at p = w t / (w t + 1 - t). That is t
    for t = 0 and t = 1, or w = 1; a continuous depth target is not its own minimum (t = 0.1, w = 9 gives p = 0.5).
    A pixel that is foreground with chance q is likewise answered by w q / (w q + 1 - q).

    Args:
        pos_weight: the weight w, above 0; "auto" must have become a number through `resolve`.

    Raises:
        StudyError: `pos_weight` is still "auto".
    """
    if pos_weight == "auto":
        raise StudyError(f"{KEY}: auto is not resolved; pass the options through losses.resolve, or give a number")
    weight = torch.tensor(pos_weight, dtype=logits.dtype, device=logits.device)
    per_pixel = F.binary_cross_entropy_with_logits(logits, target, pos_weight=weight, reduction="none")
    return _pixels.mean(per_pixel, valid)


def resolve(options: Mapping[str, Any], *, statistics: TargetStatistics) -> dict[str, Any]:
    """Replace "auto" by (1 - m) / m, with m the mean of the training targets: both classes then weigh the same in sum.

    Raises:
        StudyError: a mean that is not strictly between 0 and 1 leaves one class without pixels.
    """
    if options["pos_weight"] != "auto":
        return dict(options)
    mean = statistics.mean
    if not 0 < mean < 1:
        raise StudyError(
            f"{KEY}: auto needs training targets whose mean is between 0 and 1, it is {mean}; give a number"
        )
    return {**options, "pos_weight": (1 - mean) / mean}
