"""What adam and adamw share: the state, and the options."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated

import torch
from pydantic import Field

from loss_study.config.fields import Number
from loss_study.training.optimizers import Stateful

Beta = Annotated[Number, Field(ge=0, lt=1)]
NonNegative = Annotated[Number, Field(ge=0)]


class AdamFamily(Stateful):
    """First and second moments of the gradient; `update` is ``torch.optim``'s functional form."""

    def __init__(
        self,
        parameters: Iterable[torch.nn.Parameter],
        update: Callable[..., None],
        *,
        beta1: float,
        beta2: float,
        eps: float,
        weight_decay: float,
    ) -> None:
        super().__init__(parameters, "first", "second")
        self.tensors["step"] = [torch.zeros((), device=parameter.device) for parameter in self.parameters]
        self.update = update
        self.options = {"beta1": beta1, "beta2": beta2, "eps": eps, "weight_decay": weight_decay}

    @torch.no_grad()
    def step(self, lr: float) -> None:
        """Update every parameter in place with learning rate `lr`."""
        self.update(
            self.parameters,
            self.gradients(),
            self.tensors["first"],
            self.tensors["second"],
            [],
            self.tensors["step"],
            fused=True,
            lr=lr,
            amsgrad=False,
            maximize=False,
            **self.options,
        )
