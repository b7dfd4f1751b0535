"""The sum of the losses, each times a number that is an option."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field

from loss_study.config.fields import Number
from loss_study.training.joint.weightings._sum import WeightedSum

Weight = Annotated[Number, Field(ge=0)]


def build(heads: Sequence[str], device: torch.device, *, mask: Weight = 1.0, depth: Weight = 1.0) -> WeightedSum:
    """Return `mask` times the loss of the mask plus `depth` times that of the depth; 0 leaves one untrained."""
    weights = {"mask": mask, "depth": depth}
    return WeightedSum({head: weights[head] for head in heads})
