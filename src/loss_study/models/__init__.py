"""Models: one file each, chosen by name.

A file ``models/<name>.py`` holds ``build(in_channels, heads, classes, *, <options>)``, which returns a module whose
forward takes float images (N, in_channels, H, W) in [0, 1] and returns logits: "mask" (N, classes, H, W), "depth"
(N, 1, H, W). H and W are multiples of the file's ``STRIDE`` (1 where it has none). Where options are no such arguments,
``check_options(options)`` checks them. An `EncoderDecoder` can be frozen by parts, and its features can be kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from loss_study.choices import registry
from loss_study.models.base import EncoderDecoder, Part
from loss_study.runtime.errors import StudyError

PACKAGE = __name__


def names() -> list[str]:
    """Return the names that ``model.name`` may take."""
    return registry.names(PACKAGE)


def check(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return `options` with defaults filled in; StudyError for an unknown model or option."""
    module = registry.load("model", PACKAGE, name)
    if hasattr(module, "check_options"):
        module.check_options(options)
        return options
    return registry.check_options("model.options", module.build, options)


def stride(name: str) -> int:
    """Return what height and width of the images have to be multiples of; StudyError for an unknown model."""
    return getattr(registry.load("model", PACKAGE, name), "STRIDE", 1)


def check_fit(name: str, options: dict[str, Any], heads: Sequence[str], classes: int, size: int) -> None:
    """Build the model, with the pretrained weights that it names, and show it two images of `size` px.

    Raises:
        StudyError: as in `build`, or a `size` that the model cannot take.
    """
    if size % stride(name):
        raise StudyError(f"sample.size: model {name} needs a multiple of {stride(name)}, it is {size}; set another")
    model = build(name, 3, heads, classes=classes, **options)
    try:
        with torch.no_grad():
            model(torch.zeros(2, 3, size, size))
    except (RuntimeError, ValueError, AssertionError) as error:
        raise StudyError(f"sample.size: model {name} with {options} cannot take {size}: {error}; set another") from None


def build(name: str, in_channels: int, heads: Sequence[str], *, classes: int = 1, **options: Any) -> nn.Module:
    """Return the model `name` with one decoder per head, randomly initialised from torch's global seed.

    Args:
        classes: number of mask logits.

    Raises:
        StudyError: unknown model, unknown option, or a value out of range.
    """
    checked = check(name, options)
    return registry.load("model", PACKAGE, name).build(in_channels, heads, classes, **checked)


def blank(name: str, in_channels: int, heads: Sequence[str], *, classes: int = 1, **options: Any) -> nn.Module:
    """Return the model that `build` returns, for a saved state to be loaded into: pretrained weights are not read."""
    random = {"weights": "none"} if "weights" in options else {}
    return build(name, in_channels, heads, classes=classes, **options | random)


def parts(model: nn.Module) -> dict[Part, nn.ModuleList]:
    """Return the modules of "encoder", "decoder" and "head", all heads together; see `EncoderDecoder.parts`."""
    return _in_parts(model).parts()


def stages(model: nn.Module) -> list[nn.ModuleList]:
    """Return the encoder's stages from the input to the bottleneck; together they are the part "encoder"."""
    return _in_parts(model).stages()


def features(model: nn.Module, x: Tensor) -> list[Tensor]:
    """Return what the decoders read of the images `x`, tensors whose first dimension is N; some may be int64."""
    return _in_parts(model).features(x)


def decode(model: nn.Module, features: Sequence[Tensor]) -> dict[str, Tensor]:
    """Return every head's logits from `features`, as ``model(x)`` does from the images."""
    return _in_parts(model).decode(features)


def parameter_count(model: nn.Module) -> int:
    """Return the number of trainable parameters."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


def total_count(model: nn.Module) -> int:
    """Return the number of all parameters, the frozen ones too."""
    return sum(parameter.numel() for parameter in model.parameters())


def _in_parts(model: nn.Module) -> EncoderDecoder:
    if not isinstance(model, EncoderDecoder):
        raise StudyError(
            f"model {type(model).__name__} has no parts to freeze or to keep; derive it from models.EncoderDecoder"
        )
    return model
