"""Near the mean of the gradients, the direction along which the loss that falls slowest falls fastest.

Liu et al., Conflict-Averse Gradient Descent for Multi-Task Learning (2021), https://arxiv.org/abs/2110.14048.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field
from torchjd.aggregation import CAGrad

from loss_study.config.fields import Number
from loss_study.training.joint.weightings._gradients import Combined


def build(heads: Sequence[str], device: torch.device, *, c: Annotated[Number, Field(ge=0, lt=1)] = 0.4) -> Combined:
    """Return CAGrad.

    Args:
        c: how far from the mean, as a share of its length; 0 is the mean. 0.4 is the paper's for three tasks on NYU.
    """
    return Combined(CAGrad(c=c))
