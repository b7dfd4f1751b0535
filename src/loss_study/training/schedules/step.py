"""Stairs: the learning rate falls by a constant factor, in equal parts of the training whatever its length."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from loss_study.config.fields import Number
from loss_study.training.schedules import Moment


def factor(
    moment: Moment,
    *,
    drops: Annotated[int, Field(ge=1)] = 2,
    gamma: Annotated[Number, Field(gt=0, le=1)] = 0.1,
) -> float:
    """Multiply with `gamma` at each of `drops` equally spaced moments of the training."""
    return gamma ** (moment.step * (drops + 1) // moment.steps)
