"""Models: one file each, chosen by name.

A file ``models/<name>.py`` holds ``build(in_channels, heads, *, <options>)``, which returns a module whose forward
takes float pictures (N, in_channels, H, W) in [0, 1] and returns ``{head: logits (N, 1, H, W)}``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from loss_study import choices

PACKAGE = __name__


def names() -> list[str]:
    """Return the names that ``model.name`` may take."""
    return choices.names(PACKAGE)


def check(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return `options` with defaults filled in; StudyError for an unknown model or option."""
    module = choices.load("model", PACKAGE, name)
    return choices.check_options("model.options", module.build, options)


def build(name: str, in_channels: int, heads: Sequence[str], **options: Any) -> nn.Module:
    """Return the model `name` with one decoder per head, randomly initialised from torch's global seed.

    Raises:
        StudyError: unknown model, unknown option, or a value out of range.
    """
    checked = check(name, options)
    return choices.load("model", PACKAGE, name).build(in_channels, heads, **checked)


def parameter_count(model: nn.Module) -> int:
    """Return the number of trainable parameters."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
