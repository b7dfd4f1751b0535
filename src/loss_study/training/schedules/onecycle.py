"""One cycle with linear legs: Smith and Topin 2018, https://arxiv.org/abs/1708.07120."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from loss_study.config.fields import Number
from loss_study.training.schedules import Moment

Divisor = Annotated[Number, Field(ge=1)]


def factor(
    moment: Moment,
    *,
    warmup: Annotated[Number, Field(gt=0, lt=1)] = 0.25,
    start_divisor: Divisor = 25.0,
    end_divisor: Divisor = 25_000.0,
) -> float:
    """Rise from ``1 / start_divisor`` to 1 over the share `warmup` of the steps, then fall to ``1 / end_divisor``.

    The peak is in step ``warmup * steps``; torch's OneCycleLR has it in the step before. Its ``final_div_factor`` is
    counted from the start, ``end_divisor`` from the peak.
    """
    peak = warmup * moment.steps
    if moment.step < peak:
        return _between(1 / start_divisor, 1.0, moment.step / peak)
    return _between(1.0, 1 / end_divisor, (moment.step - peak) / max(moment.steps - 1 - peak, 1.0))


def _between(start: float, end: float, share: float) -> float:
    return start + (end - start) * min(share, 1.0)
