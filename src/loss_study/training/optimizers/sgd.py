"""Stochastic gradient descent with momentum, as in the original recipe."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, cast

import torch
from pydantic import Field
from torch.optim.sgd import sgd

from loss_study.config.fields import Number
from loss_study.training.optimizers import Stateful


class Sgd(Stateful):
    """A momentum buffer that starts at zero is the same as torch's that starts at the first gradient."""

    def __init__(self, parameters: Iterable[torch.nn.Parameter], momentum: float, weight_decay: float) -> None:
        super().__init__(parameters, "momentum")
        self.momentum = momentum
        self.weight_decay = weight_decay

    @torch.no_grad()
    def step(self, lr: float) -> None:
        """Update every parameter in place with learning rate `lr`."""
        sgd(
            cast("list[torch.Tensor]", self.parameters),
            self.gradients(),
            cast("list[torch.Tensor | None]", self.tensors["momentum"]),
            fused=True,
            weight_decay=self.weight_decay,
            momentum=self.momentum,
            lr=lr,
            dampening=0.0,
            nesterov=False,
            maximize=False,
        )


def build(
    parameters: Iterable[torch.nn.Parameter],
    *,
    momentum: Annotated[Number, Field(ge=0, lt=1)] = 0.9,
    weight_decay: Annotated[Number, Field(ge=0)] = 0.0,
) -> Sgd:
    """Return SGD over `parameters`; momentum 0 is the plain form."""
    return Sgd(parameters, momentum, weight_decay)
