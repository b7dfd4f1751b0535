"""One cycle with linear legs: Smith and Topin 2018, https://arxiv.org/abs/1708.07120."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from loss_study.parameters import Number

Divisor = Annotated[Number, Field(ge=1)]


def factor(
    step: int,
    steps: int,
    *,
    warmup: Annotated[Number, Field(gt=0, lt=1)] = 0.25,
    start_divisor: Divisor = 25.0,
    end_divisor: Divisor = 25_000.0,
) -> float:
    """Rise from ``1 / start_divisor`` to 1 over the share `warmup` of the steps, then fall to ``1 / end_divisor``."""
    peak = warmup * steps
    if step < peak:
        return _between(1 / start_divisor, 1.0, step / peak)
    return _between(1.0, 1 / end_divisor, (step - peak) / max(steps - 1 - peak, 1.0))


def _between(start: float, end: float, share: float) -> float:
    return start + (end - start) * min(share, 1.0)
