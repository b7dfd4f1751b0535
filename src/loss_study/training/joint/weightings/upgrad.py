"""The mean of the gradients, each brought to where no loss rises.

Quinton and Rey, Jacobian Descent for Multi-Objective Optimization (2024), https://arxiv.org/abs/2406.16232.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torchjd.aggregation import UPGrad

from loss_study.training.joint.weightings._gradients import Combined


def build(heads: Sequence[str], device: torch.device) -> Combined:
    """Return UPGrad: each gradient is projected onto the directions that none is against, then the mean taken."""
    return Combined(UPGrad())
