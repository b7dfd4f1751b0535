"""The shortest vector between the gradients: no loss falls slower along it than along its own square.

Desideri, Multiple-Gradient Descent Algorithm (2012); Sener and Koltun, Multi-Task Learning as Multi-Objective
Optimization (2018), https://arxiv.org/abs/1810.04650.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torchjd.aggregation import MGDA

from loss_study.training.joint.weightings._gradients import Combined


def build(heads: Sequence[str], device: torch.device) -> Combined:
    """Return MGDA: the point of least norm of the convex hull of the gradients."""
    return Combined(MGDA())
