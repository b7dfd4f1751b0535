"""Class weights, and the log-probabilities that they multiply: shared by the losses that are cross-entropies.

A mask of one class is two classes here, background and foreground, so that one formula covers any number of classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from loss_study.losses.shared.options import Condition
from loss_study.runtime.errors import StudyError


def _weights(value: Any) -> Any:
    numbers = isinstance(value, list) and all(
        isinstance(number, int | float) and not isinstance(number, bool) and 0 <= number < float("inf")
        for number in value
    )
    if value in ("none", "balanced") or (numbers and any(value)):
        return value
    raise ValueError("Input should be none, balanced, or a list of one number per class, 0 or more, not all 0")


#: One weight per class, for a mask of one class background first; "balanced" becomes such a list through `resolve`.
ClassWeights = Annotated[Literal["none", "balanced"] | list[float], Condition(_weights, first=True)]


def log_probabilities(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return the log-probability of every class and the target as shares of classes, both (N, K, H, W), K >= 2.

    Args:
        logits: (N, C, H, W), C = 1 being the two classes background and foreground.
        target: in [0, 1], one-hot for C >= 2.
    """
    if logits.shape[1] > 1:
        return torch.log_softmax(logits, dim=1), target
    return torch.cat([F.logsigmoid(-logits), F.logsigmoid(logits)], dim=1), torch.cat([1 - target, target], dim=1)


def weight_of(target_NKHW: Tensor, weights: ClassWeights, key: str) -> Tensor:
    """Return the weight of each pixel's class shares, `target_NKHW` times the weight of its class.

    Args:
        key: where the weights come from, such as ``loss_options.focal.class_weights``.

    Raises:
        StudyError: there are not as many weights as classes, or they are still "balanced".
    """
    if weights == "none":
        return target_NKHW
    if weights == "balanced":
        raise StudyError(f"{key}: balanced is not resolved; call Loss.resolve first, or give numbers")
    classes = target_NKHW.shape[1]
    if len(weights) != classes:
        raise StudyError(f"{key}: {len(weights)} weights for {classes} classes; give one for each, background included")
    return target_NKHW * torch.tensor(weights, dtype=target_NKHW.dtype, device=target_NKHW.device).view(1, -1, 1, 1)


def resolve(options: Mapping[str, Any], class_shares: Sequence[float], key: str) -> dict[str, Any]:
    """Replace "balanced" by 1 / (K share) for each of the K classes: all have the same total weight, 1 on average.

    Source: King and Zeng, Logistic Regression in Rare Events Data (2001); scikit-learn's ``class_weight="balanced"``.

    Args:
        class_shares: the shares of the training split's pixels that the classes have.

    Raises:
        StudyError: a class without pixels.
    """
    if options["class_weights"] != "balanced":
        return dict(options)
    if not all(share > 0 for share in class_shares):
        shares = [round(share, 4) for share in class_shares]
        raise StudyError(f"{key}: balanced needs training pixels of every class, the shares are {shares}; give numbers")
    return {**options, "class_weights": [1 / (len(class_shares) * share) for share in class_shares]}
