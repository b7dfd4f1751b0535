"""Half a cosine: Loshchilov and Hutter 2017, https://arxiv.org/abs/1608.03983, without restarts."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field

from loss_study.config.fields import Number
from loss_study.training.schedules import Moment


def factor(moment: Moment, *, end: Annotated[Number, Field(ge=0, le=1)] = 0.0) -> float:
    """Fall from 1 in the first step to `end` in the last; torch's CosineAnnealingLR, step by step."""
    return end + (1 - end) * (1 + math.cos(math.pi * moment.step / max(moment.steps - 1, 1))) / 2
