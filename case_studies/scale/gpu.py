"""How long one GPU would take if it never waited: computed from the operations of a training step, not measured.

A step takes at least as long as its arithmetic, and at least as long as what its operations read from memory and write
to it, one after another: fusing some would save a part of that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from loss_study import models
from loss_study.config import Config

NAME = "H200"
#: Operations per second in bfloat16, and bytes per second of its memory (data sheet of the NVIDIA H200 SXM, 2024: 4.8
#: TB/s; 1,979 TFLOPS "with sparsity", half of it without).
ARITHMETIC, BANDWIDTH = 989e12, 4.8e12
_BATCH = 16
#: Red, green and blue of the image and of its background.
_CHANNELS = 6


class _Bytes(TorchDispatchMode):
    """Counts the bytes that operations read and write; one that only changes a shape moves none."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(
        self, operation: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = operation(*args, **(kwargs or {}))
        if not operation.is_view:
            tensors = [one for one in tree_leaves((args, kwargs, result)) if isinstance(one, torch.Tensor)]
            self.count += sum(one.numel() * one.element_size() for one in tensors)
        return result


def step(model: torch.nn.Module, size: int) -> tuple[float, float]:
    """Return the floating-point operations and the bytes of a training step, for each image of its batch.

    Args:
        model: on the device "meta", in bfloat16, so that nothing is computed.
        size: height and width of the images in px.
    """
    images = torch.zeros(_BATCH, _CHANNELS, size, size, dtype=torch.bfloat16, device="meta")
    with FlopCounterMode(display=False) as operations, _Bytes() as moved:
        sum(output.sum() for output in model(images).values()).backward()
    return operations.get_total_flops() / _BATCH, moved.count / _BATCH


def hours(config: Config, images: float, size: int) -> float:
    """Return the hours of one training of one head of `config`, with `images` training images of `size` px, at best."""
    choice = config.model
    with torch.device("meta"):
        model = models.blank(choice.name, _CHANNELS, ["mask"], **choice.options).to(torch.bfloat16)
    operations, moved = step(model, size)
    return config.recipe.epochs * images * max(operations / ARITHMETIC, moved / BANDWIDTH) / 3600
