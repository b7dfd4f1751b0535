"""Optimisers: one file each, chosen by name.

A file ``optimizers/<name>.py`` holds ``build(parameters, *, <options>)`` and returns an `Optimizer`. They call the
functional forms of ``torch.optim``. The classes give the same numbers, but constructing one imports ``torch._dynamo``:
2.2 to 2.8 s in each process on two cores (torch 2.15), 5 to 10 % of a training of the default study.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import torch

from loss_study.choices import registry

PACKAGE = __name__
#: Modules that are not optimisers.
SHARED = ("_adam",)


class Optimizer(Protocol):
    """Updates the parameters that it was built with from their gradients."""

    def step(self, lr: float) -> None:
        """Update every parameter in place with learning rate `lr`."""
        ...

    parameters: list[torch.nn.Parameter]

    def zero_grad(self) -> None:
        """Forget the gradients."""
        ...

    def state(self) -> dict[str, list[torch.Tensor]]:
        """Return the optimiser's own tensors, for a checkpoint; `load` puts them back."""
        ...

    def load(self, state: dict[str, list[torch.Tensor]]) -> None:
        """Take over the tensors of a saved `state`."""
        ...


class Stateful:
    """Parameters with named lists of state tensors, one tensor per parameter."""

    def __init__(self, parameters: Iterable[torch.nn.Parameter], *names: str) -> None:
        self.parameters = [parameter for parameter in parameters if parameter.requires_grad]
        self.tensors = {name: [torch.zeros_like(parameter) for parameter in self.parameters] for name in names}

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    def gradients(self) -> list[torch.Tensor]:
        """Return the gradients; a parameter that took no part in the loss has gradient zero."""
        return [torch.zeros_like(p) if p.grad is None else p.grad for p in self.parameters]

    def state(self) -> dict[str, list[torch.Tensor]]:
        """Return the state tensors by name, themselves and not copies."""
        return self.tensors

    def load(self, state: dict[str, list[torch.Tensor]]) -> None:
        """Take over the tensors of a saved `state`."""
        for name, tensors in self.tensors.items():
            for tensor, saved in zip(tensors, state[name], strict=True):
                tensor.copy_(saved)


def names() -> list[str]:
    """Return the names that ``recipe.optimizer.name`` may take."""
    return registry.names(PACKAGE)


def check(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return `options` with defaults filled in; StudyError for an unknown optimiser or option."""
    module = registry.load("optimizer", PACKAGE, name)
    return registry.check_options("recipe.optimizer.options", module.build, options)


def build(name: str, parameters: Iterable[torch.nn.Parameter], **options: Any) -> Optimizer:
    """Return the optimiser `name` over `parameters`; StudyError for an unknown name or option."""
    checked = check(name, options)
    return registry.load("optimizer", PACKAGE, name).build(parameters, **checked)
