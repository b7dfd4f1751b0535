"""Stairs: the learning rate falls by a constant factor at regular intervals."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from loss_study.parameters import Number


def factor(
    step: int,
    steps: int,
    *,
    drops: Annotated[int, Field(ge=1)] = 2,
    gamma: Annotated[Number, Field(gt=0, le=1)] = 0.1,
) -> float:
    """Multiply with `gamma` at each of `drops` equally spaced moments of the training."""
    return gamma ** (step * (drops + 1) // steps)
