"""Weightings: one file each, chosen by name.

A file ``weightings/<name>.py`` holds ``build(heads, device, *, <options>)`` and returns a `Weighting`: what becomes of
the losses of the heads in a step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from loss_study.choices import registry
from loss_study.heads import HEADS
from loss_study.runtime.errors import StudyError, nearest

PACKAGE = __name__
#: Modules that are not weightings.
SHARED = ("_gradients", "_sum")


class Weighting(Protocol):
    """Turns the losses of the heads into gradients.

    `parameters` are its own, trained by the same optimiser as the model's. `of_sum` says that it is a sum of weighted
    losses, which several devices can train with.
    """

    parameters: Sequence[nn.Parameter]
    of_sum: bool

    def backward(self, losses: Mapping[str, Tensor], trained: Sequence[nn.Parameter]) -> None:
        """Set the gradients of `trained`, the model's and its own parameters, from the losses by head, each ()."""
        ...

    def weights(self) -> dict[str, float]:
        """Return the weight of each head's loss as it is now; empty where weights are not learnt."""
        ...


def names() -> list[str]:
    """Return the names that ``joint.options.<name>.weighting`` may take."""
    return registry.names(PACKAGE)


def check(name: str, options: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return `options` with defaults filled in; `where` is the key of the joint training.

    Raises:
        StudyError: an unknown weighting or option, a value out of range, or a package that the weighting needs and that
            is not installed; the message names the key.
    """
    if name not in names():
        raise StudyError(f"{where}.weighting: unknown weighting {name!r}: {nearest(name, names())}")
    try:
        module = registry.load("weighting", PACKAGE, name)
        checked = registry.check_options(f"{where}.weighting_options", module.build, options)
        build(name, HEADS, torch.device("cpu"), checked)
    except ImportError as error:
        raise StudyError(
            f"{where}.weighting: {name} needs torchjd and its solvers; type pip install '.[gradients]' ({error})"
        ) from None
    return checked


def build(name: str, heads: Sequence[str], device: torch.device, options: Mapping[str, Any]) -> Weighting:
    """Return the weighting `name` of the losses of `heads`, with checked `options`, as `check` returns them."""
    return registry.load("weighting", PACKAGE, name).build(heads, device, **options)
