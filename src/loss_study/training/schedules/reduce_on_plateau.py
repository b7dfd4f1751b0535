"""Falls when the validation metric stops getting better, as ``torch.optim.lr_scheduler.ReduceLROnPlateau``."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field

from loss_study.config.fields import Number
from loss_study.training.schedules import Moment


def factor(
    moment: Moment,
    *,
    gamma: Annotated[Number, Field(gt=0, lt=1)] = 0.1,
    patience: Annotated[int, Field(ge=0)] = 10,
    threshold: Annotated[Number, Field(ge=0, lt=1)] = 1e-4,
    cooldown: Annotated[int, Field(ge=0)] = 0,
    end: Annotated[Number, Field(ge=0, le=1)] = 0.0,
) -> float:
    """Multiply with `gamma` after more than `patience` epochs in a row without a better validation metric.

    Torch's ReduceLROnPlateau with its threshold_mode "rel", worked out anew from all epochs so far.

    Args:
        threshold: better is better by more than this share of the best metric so far.
        cooldown: epochs after a fall that are not counted.
        end: the factor never falls below it.
    """
    value, waited, cooling = 1.0, 0, 0
    best = -math.inf if moment.rising else math.inf
    for metric in moment.validation:
        if _better(metric, best, threshold, moment.rising):
            best, waited = metric, 0
        else:
            waited += 1
        if cooling:
            cooling, waited = cooling - 1, 0
        if waited > patience:
            value, waited, cooling = max(value * gamma, end), 0, cooldown
    return value


def _better(metric: float, best: float, threshold: float, rising: bool) -> bool:
    return metric > best * (1 + threshold) if rising else metric < best * (1 - threshold)
