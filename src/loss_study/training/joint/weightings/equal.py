"""The sum of the losses."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from loss_study.training.joint.weightings._sum import WeightedSum


def build(heads: Sequence[str], device: torch.device) -> WeightedSum:
    """Return the sum of the losses of `heads`."""
    return WeightedSum(dict.fromkeys(heads, 1.0))
