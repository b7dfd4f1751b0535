"""Binary cross-entropy in which foreground pixels weigh more, so that background does not dominate a small object."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from loss_study.losses.shared.base import Loss, TargetStatistics
from loss_study.losses.shared.options import Condition
from loss_study.losses.shared.pixels import mean
from loss_study.runtime.errors import StudyError

KEY = "loss_options.weighted_bce.pos_weight"


def _positive_or_auto(value: Any) -> Any:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if value == "auto" or (number and 0 < value < math.inf):
        return value
    raise ValueError("Input should be a number above 0, or auto")


PosWeight = Annotated[float | Literal["auto"], Condition(_positive_or_auto, first=True)]


def weighted_bce(
    logits: Tensor,
    target: Tensor,
    *,
    valid: Tensor | None = None,
    pos_weight: PosWeight = "auto",
) -> Tensor:
    """Return the mean over valid pixels of -w t log p - (1 - t) log(1 - p), p = sigmoid(logits); (N, 1, H, W) to (N,).

    Source: King and Zeng, Logistic Regression in Rare Events Data (2001), weighted likelihood, the
    weight of the background being 1.

    The derivative by the logit is p (w t + 1 - t) - w t, so the minimum is at p = w t / (w t + 1 - t). That is t
    for t = 0 and t = 1, or w = 1; a continuous depth target is not its own minimum (t = 0.1, w = 9 gives p = 0.5).
    For a pixel that is foreground with probability q, the best prediction is likewise w q / (w q + 1 - q).

    Args:
        pos_weight: the weight w, above 0; "auto" must have become a number through `resolve`.

    Raises:
        StudyError: `pos_weight` is still "auto".
    """
    if pos_weight == "auto":
        raise StudyError(f"{KEY}: auto is not resolved; call Loss.resolve first, or give a number")
    weight = torch.tensor(pos_weight, dtype=logits.dtype, device=logits.device)
    per_pixel = F.binary_cross_entropy_with_logits(logits, target, pos_weight=weight, reduction="none")
    return mean(per_pixel, valid)


def resolve(options: Mapping[str, Any], statistics: TargetStatistics) -> dict[str, Any]:
    """Replace "auto" by (1 - m) / m, with m the mean of the training targets: both classes have the same total weight.

    Raises:
        StudyError: a mean that is not strictly between 0 and 1 leaves one class without pixels.
    """
    if options["pos_weight"] != "auto":
        return dict(options)
    mean_of_targets = statistics.mean
    if not 0 < mean_of_targets < 1:
        raise StudyError(
            f"{KEY}: auto needs training targets whose mean is between 0 and 1, it is {mean_of_targets}; give a number"
        )
    return {**options, "pos_weight": (1 - mean_of_targets) / mean_of_targets}


LOSS = Loss(
    weighted_bce,
    minimised_by_target=("mask",),
    resolve_options=resolve,
    notes={
        "mask": "At threshold 0.5 it marks every pixel whose probability of being foreground is above "
        "1 / (1 + pos_weight): recall rises, precision falls, and the best threshold is above 0.5.",
        "depth": "Not minimised by the ground truth: the best prediction for a depth t is w t / (w t + 1 - t) with "
        "w = pos_weight, so every depth strictly between 0 and 1 is pushed away from its true value unless w = 1.",
    },
)
