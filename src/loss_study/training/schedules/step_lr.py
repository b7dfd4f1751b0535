"""Stairs counted in epochs, as ``torch.optim.lr_scheduler.StepLR``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from loss_study.config.fields import Number
from loss_study.training.schedules import Moment


def factor(
    moment: Moment,
    *,
    every: Annotated[int, Field(ge=1)],
    gamma: Annotated[Number, Field(gt=0, le=1)] = 0.1,
) -> float:
    """Multiply with `gamma` after every `every` epochs; torch's StepLR(every, gamma)."""
    return gamma ** (moment.epoch // every)
