"""Random crops, rotations and colours, by torchvision's transforms v2.

`augmentation` imports this module where a recipe asks for one of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torchvision.transforms import v2
from torchvision.tv_tensors import Image, Mask

from loss_study.config import Augmentation

RGB = 3


class Crop(v2.RandomResizedCrop):
    """Enlarges a random part; a `Mask` exactly as far as its image.

    Torchvision enlarges masks with interpolation "nearest", which lies half a pixel of the result beside "bilinear".
    """

    def transform(self, inpt: Tensor, params: dict[str, Any]) -> Tensor:
        """Cut and enlarge one input."""
        if not isinstance(inpt, Mask):
            return super().transform(inpt, params)
        exact = {"size": self.size, "interpolation": v2.InterpolationMode.NEAREST_EXACT, "antialias": False}
        return Mask(v2.functional.resized_crop(inpt.as_subclass(Tensor)[None], **exact, **params)[0])


class Rotation(v2.Transform):
    """Rotates by a random angle of at most `degrees`, enlarged just enough that no empty corner comes into view."""

    def __init__(self, degrees: float) -> None:
        super().__init__()
        self.degrees = degrees

    def make_params(self, flat_inputs: list[Any]) -> dict[str, float]:
        """Draw the angle; a square that is turned by it fits into one that is |cos| + |sin| as large."""
        angle = torch.empty(()).uniform_(-self.degrees, self.degrees).item()
        radians = math.radians(angle)
        return {"angle": angle, "scale": abs(math.cos(radians)) + abs(math.sin(radians))}

    def transform(self, inpt: Tensor, params: dict[str, float]) -> Tensor:
        """Turn one input; a `Mask` takes the nearest pixel's value, an image is interpolated."""
        return v2.functional.affine(
            inpt, translate=[0, 0], shear=[0, 0], interpolation=v2.InterpolationMode.BILINEAR, **params
        )


def change(
    inputs_NHWC: Tensor, targets: Sequence[Tensor], how: Augmentation, generator: torch.Generator
) -> tuple[Tensor, list[Tensor]]:
    """Crop, rotate and colour a batch as `how` says, each image independently.

    Args:
        inputs_NHWC: uint8 images, three channels for each input; all inputs of an image are changed alike.
        targets: each (N, H, W), uint8, int16 or bool; cropped and rotated with their image, to the nearest pixel.
    """
    transform = _transform(how, inputs_NHWC.shape[1:3])
    with _drawing_from(generator):
        changed = [
            transform(
                *(Image(image.permute(2, 0, 1)) for image in image_HWC.split(RGB, dim=2)),
                *(Mask(target.to(torch.uint8) if target.dtype == torch.bool else target) for target in targets_HW),
            )
            for image_HWC, *targets_HW in zip(inputs_NHWC, *targets, strict=True)
        ]
    inputs = inputs_NHWC.shape[3] // RGB
    columns = [torch.stack([tensor.as_subclass(Tensor) for tensor in column]) for column in zip(*changed, strict=True)]
    inputs_NCHW = torch.cat(columns[:inputs], dim=1)
    return inputs_NCHW.permute(0, 2, 3, 1), [
        column.to(target.dtype) for column, target in zip(columns[inputs:], targets, strict=True)
    ]


def _transform(how: Augmentation, size: torch.Size) -> v2.Compose:
    steps: list[v2.Transform] = []
    if how.crop < 1:
        steps.append(Crop(list(size), scale=(how.crop, 1.0), antialias=True))
    if how.rotation:
        steps.append(Rotation(how.rotation))
    steps.append(v2.ColorJitter(**how.colour.model_dump()))
    return v2.Compose(steps)


@contextmanager
def _drawing_from(generator: torch.Generator) -> Iterator[None]:
    """Let torchvision, which draws from torch's global generator, draw from `generator`."""
    before = torch.get_rng_state()
    torch.set_rng_state(generator.get_state())
    try:
        yield
    finally:
        generator.set_state(torch.get_rng_state())
        torch.set_rng_state(before)
