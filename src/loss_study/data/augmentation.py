"""Random changes of a batch, made on its device: flips, crops, rotations, colours and erased squares."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from loss_study.config import Augmentation, Colour

#: Side of an erased square, as a share of the image's side.
ERASED_SIDE = 0.25
RGB = 3


def draw_flips_together(count: int, how: Augmentation | None, generator: torch.Generator) -> Tensor:
    """Return which of `count` images are to be flipped with their targets, bool (count,), for `take`."""
    if how is None or how.flip_apart:
        return torch.zeros(count, dtype=torch.bool)
    return draw_flips(count, how.flip, generator)


def augment(
    inputs_NHWC: Tensor,
    targets: Sequence[tuple[Tensor, Tensor | None]],
    how: Augmentation,
    generator: torch.Generator,
) -> tuple[Tensor, list[tuple[Tensor, Tensor | None]]]:
    """Return `inputs_NHWC` (three channels for each input) and the `targets` of the heads changed as `how` says.

    Flips of inputs and targets together come before, see `draw_flips_together`; the other changes are made here.
    Inputs and targets move together. A target's values stay what they are: no two of them are mixed, and no colour
    changes them.

    Each input is erased on its own, and a target never: one square of a quarter of the side becomes black (Cutout,
    DeVries and Taylor 2017, https://arxiv.org/abs/1708.04552; here it lies wholly inside the image).

    Args:
        targets: of each head the ground truth (N, H, W), and which pixels are valid, bool (N, H, W); None: all.
    """
    arrays = [array for pair in targets for array in pair if array is not None]
    if how.flip_apart:
        parts = [flip(part, draw_flips(len(part), how.flip, generator)) for part in inputs_NHWC.split(RGB, dim=3)]
        inputs_NHWC = torch.cat(parts, dim=3)
    if how.crop < 1 or how.rotation or how.colour != Colour():
        # torchvision takes seconds to import, and few recipes ask for these changes.
        from loss_study.data import transforms  # noqa: PLC0415

        inputs_NHWC, arrays = transforms.change(inputs_NHWC, arrays, how, generator)
    if how.erase:
        parts = [_erase(part, how.erase, generator) for part in inputs_NHWC.split(RGB, dim=3)]
        inputs_NHWC = torch.cat(parts, dim=3)
    changed = iter(arrays)
    return inputs_NHWC, [(next(changed), None if valid is None else next(changed)) for _, valid in targets]


def draw_flips(count: int, chance: float, generator: torch.Generator) -> Tensor:
    """Return bool (count,): which images of a batch are to be flipped, each with probability `chance`."""
    return torch.rand(count, generator=generator) < chance


def flip(tensor: Tensor, flipped: Tensor) -> Tensor:
    """Return a copy of `tensor` (N, H, W, ...) with those images mirrored that `flipped` (N,), on the CPU, names."""
    return take(tensor, torch.arange(len(tensor)), flipped)


def take(array: Tensor, rows: Tensor, flipped: Tensor) -> Tensor:
    """Return a copy of the entries `rows` (N,) of `array` (M, H, W, ...), mirrored where `flipped` (N,) says so.

    On a CPU image by image, each of which stays in its cache.
    """
    if array.device.type == "cpu":
        images = (array[row] for row in rows.tolist())
        return torch.stack(
            [one.flip(1) if mirrored else one for one, mirrored in zip(images, flipped.tolist(), strict=True)]
        )
    taken = array.index_select(0, rows.to(array.device))
    return torch.where(flipped.to(array.device).view(-1, *[1] * (array.ndim - 1)), taken.flip(2), taken)


def _erase(image_NHWC: Tensor, chance: float, generator: torch.Generator) -> Tensor:
    count, height, width, _ = image_NHWC.shape
    chosen = torch.rand(count, generator=generator) < chance
    rows, columns = (_stretch(count, length, generator) for length in (height, width))
    square_NHW = chosen[:, None, None] & rows[:, :, None] & columns[:, None, :]
    return image_NHWC.masked_fill(square_NHW[..., None].to(image_NHWC.device), 0)


def _stretch(count: int, length: int, generator: torch.Generator) -> Tensor:
    """Return bool (count, length), true in each row for `ERASED_SIDE` of the length from a random start."""
    side = round(ERASED_SIDE * length)
    start = (torch.rand(count, generator=generator) * (length - side + 1)).long()[:, None]
    position = torch.arange(length)
    return (position >= start) & (position < start + side)
