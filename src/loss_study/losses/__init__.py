"""Losses: one file each, chosen by name.

A file ``losses/<name>.py`` holds one function ``loss(logits, target, *, <options>)``. It is given raw logits and a
target in [0, 1], both float32 (N, 1, H, W), and returns one value per image, (N,). The prediction is
``sigmoid(logits)`` on both heads.

The first paragraph of the file's docstring says for people what the loss does; the report shows it. Three more names
are optional: ``NOTES``, what a reader of the results should know, by head, as a literal;
``resolve(options, *, target_mean)``, for options that depend on the training split; and ``output(*, <options>)``, where
the prediction may be something else than ``sigmoid(logits)``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from loss_study import choices

PACKAGE = __name__

LossFunction = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Output:
    """How a network's raw output becomes a prediction in [0, 1], and the raw output that gives a prediction."""

    predict: Callable[[torch.Tensor], torch.Tensor]
    invert: Callable[[torch.Tensor], torch.Tensor]


SIGMOID = Output(predict=torch.sigmoid, invert=torch.logit)
CLAMPED = Output(predict=lambda raw: raw.clamp(0, 1), invert=lambda prediction: prediction)


def names() -> list[str]:
    """Return the names that ``loss.names`` may take."""
    return choices.names(PACKAGE)


def check(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return `options` with defaults filled in; StudyError for an unknown loss or option."""
    module = choices.load("loss", PACKAGE, name)
    return choices.check_options(f"loss_options.{name}", module.loss, options)


def build(name: str, **options: Any) -> LossFunction:
    """Return the loss `name` as a callable ``(logits, target) -> values``.

    Both arguments are (N, 1, H, W), `target` in [0, 1]; the values are float32 (N,), computed in float32 whatever
    the dtype of `logits` and the autocast around the call.

    Raises:
        StudyError: unknown loss, unknown option, or a value out of range.
        ValueError: in the call, if the shapes differ or are not (N, 1, H, W).
    """
    checked = check(name, options)
    function = choices.load("loss", PACKAGE, name).loss

    def loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        if logits.shape != target.shape or logits.ndim != 4 or logits.shape[1] != 1:
            raise ValueError(
                f"{name}: logits {tuple(logits.shape)} and target {tuple(target.shape)} must be (N, 1, H, W)"
            )
        with torch.autocast(logits.device.type, enabled=False):
            return function(_at_least_float32(logits), _at_least_float32(target), **checked)

    loss.__name__ = name
    return loss


def resolve(name: str, options: dict[str, Any], *, target_mean: float) -> dict[str, Any]:
    """Return checked `options` with everything that depends on the data made a number, ready for `build`.

    Args:
        target_mean: mean of the head's target over the training split, in [0, 1].

    Raises:
        StudyError: unknown loss or option, or an option that this mean leaves undefined.
    """
    checked = check(name, options)
    module = choices.load("loss", PACKAGE, name)
    return module.resolve(checked, target_mean=target_mean) if hasattr(module, "resolve") else checked


def output(name: str, **options: Any) -> Output:
    """Return how the raw output of a network trained with the loss `name` becomes a prediction; StudyError as `check`.

    It is the sigmoid unless the loss says otherwise.
    """
    checked = check(name, options)
    module = choices.load("loss", PACKAGE, name)
    return module.output(**checked) if hasattr(module, "output") else SIGMOID


def _at_least_float32(tensor: torch.Tensor) -> torch.Tensor:
    """Float64 stays, so that gradients can be checked; everything else becomes float32."""
    return tensor if tensor.dtype == torch.float64 else tensor.float()
