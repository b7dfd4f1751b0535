"""The losses of all heads of one network, combined by a weighting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from loss_study import losses
from loss_study.data.batches import Batch
from loss_study.heads import HEADS
from loss_study.losses import Loss
from loss_study.training.joint import weightings
from loss_study.training.joint.weightings import Weighting


@dataclass(frozen=True)
class JointObjective:
    """The loss of each head, and the weighting that makes gradients of them."""

    losses: Mapping[str, Loss]
    weighting: Weighting

    @classmethod
    def of(cls, options: Mapping[str, Any], device: torch.device) -> JointObjective:
        """Return the objective of resolved `options`, see `options.resolve`."""
        of_heads: dict[str, Loss] = {
            head: losses.load(options[head]["loss"], options[head]["options"]) for head in HEADS
        }
        chosen = options["weighting"]
        weighting = weightings.build(chosen["name"], HEADS, device, chosen["options"])
        return cls(of_heads, weighting)

    @property
    def heads(self) -> Sequence[str]:
        """All heads of the network."""
        return list(self.losses)

    @property
    def columns(self) -> Sequence[str]:
        """The sum of the losses, without weights, then each loss."""
        return ["train_loss", *(f"train_loss_{head}" for head in self.losses)]

    @property
    def parameters(self) -> Sequence[nn.Parameter]:
        """Those of the weighting."""
        return self.weighting.parameters

    def backward(self, logits: Mapping[str, Tensor], batch: Batch, trained: Sequence[nn.Parameter]) -> Tensor:
        """Set the gradients; returns the means over the images of the sum of the losses and of each loss, (3,)."""
        values = {
            head: self.losses[head](logits[head], target, valid).mean()
            for head, (target, valid) in batch.targets.items()
        }
        self.weighting.backward(values, trained)
        each = torch.stack([value.detach() for value in values.values()])
        return torch.cat([each.sum(dim=0, keepdim=True), each])
