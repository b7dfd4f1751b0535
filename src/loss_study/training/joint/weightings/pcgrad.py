"""The sum of the gradients, each without the part of it that another one is against.

Yu et al., Gradient Surgery for Multi-Task Learning (2020), https://arxiv.org/abs/2001.06782.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torchjd.aggregation import PCGrad

from loss_study.training.joint.weightings._gradients import Combined


def build(heads: Sequence[str], device: torch.device) -> Combined:
    """Return PCGrad: where g1 g2 < 0, g1 loses g1 g2 / |g2|^2 g2 and g2 likewise, then they are added."""
    return Combined(PCGrad())
