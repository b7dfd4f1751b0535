"""What a step makes smaller: the loss of one head, or those of several heads together (`joint`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, nn

from loss_study.data.batches import Batch
from loss_study.losses import Loss


class Objective(Protocol):
    """Takes logits by head to gradients.

    `heads` are those of the network; `columns` are what the history calls the losses that `backward` returns, the
    training loss first; `parameters` are trained beside the model's.
    """

    @property
    def heads(self) -> Sequence[str]:
        """The heads."""
        ...

    @property
    def columns(self) -> Sequence[str]:
        """The names."""
        ...

    @property
    def parameters(self) -> Sequence[nn.Parameter]:
        """The parameters."""
        ...

    def backward(self, logits: Mapping[str, Tensor], batch: Batch, trained: Sequence[nn.Parameter]) -> Tensor:
        """Set the gradients of `trained`, the model's parameters and the objective's own.

        Returns:
            The losses, means over the images of the batch, detached: () for one of them, else (columns,).
        """
        ...


@dataclass(frozen=True)
class OneHead:
    """The loss of one head."""

    head: str
    loss: Loss
    columns: Sequence[str] = ("train_loss",)
    parameters: Sequence[nn.Parameter] = ()

    @property
    def heads(self) -> Sequence[str]:
        """The one head."""
        return [self.head]

    def backward(self, logits: Mapping[str, Tensor], batch: Batch, trained: Sequence[nn.Parameter]) -> Tensor:
        """Set the gradients; returns the mean of the loss over the images, ()."""
        target, valid = batch.targets[self.head]
        loss = self.loss(logits[self.head], target, valid).mean()
        loss.backward()
        return loss.detach()
