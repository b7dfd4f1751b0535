"""Random changes of a batch, made on its device: flips and erased squares."""

from __future__ import annotations

import torch
from torch import Tensor

from loss_study.parameters import Augmentation

#: Side of an erased square, as a share of the picture's side.
ERASED_SIDE = 0.25
RGB = 3


def augment(
    inputs_NHWC: Tensor,
    target_NHW: Tensor,
    how: Augmentation,
    generator: torch.Generator,
    *,
    valid_NHW: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return `inputs_NHWC` (three channels for each input), `target_NHW` and `valid_NHW` changed as `how` says.

    `valid_NHW`, bool, moves with the target: it says which of its pixels are a truth; None: all.

    Each input is erased on its own, and the target never: one square of a quarter of the side becomes black (Cutout,
    DeVries and Taylor 2017, https://arxiv.org/abs/1708.04552; here it lies wholly inside the picture).
    """
    if how.flip_apart:
        parts = [_flip(part, how.flip, generator)[0] for part in inputs_NHWC.split(RGB, dim=3)]
        inputs_NHWC = torch.cat(parts, dim=3)
    else:
        targets = (target_NHW,) if valid_NHW is None else (target_NHW, valid_NHW)
        inputs_NHWC, target_NHW, *valid = _flip(inputs_NHWC, how.flip, generator, *targets)
        valid_NHW = valid[0] if valid else None
    if how.erase:
        parts = [_erase(part, how.erase, generator) for part in inputs_NHWC.split(RGB, dim=3)]
        inputs_NHWC = torch.cat(parts, dim=3)
    return inputs_NHWC, target_NHW, valid_NHW


def _flip(pictures: Tensor, chance: float, generator: torch.Generator, *others: Tensor) -> tuple[Tensor, ...]:
    """Flip left-right each of `pictures`, and what stands in its place in `others`, with probability `chance`."""
    flipped = (torch.rand(len(pictures), generator=generator) < chance).to(pictures.device)
    return tuple(
        torch.where(flipped.view(-1, *[1] * (tensor.ndim - 1)), tensor.flip(2), tensor)
        for tensor in (pictures, *others)
    )


def _erase(picture_NHWC: Tensor, chance: float, generator: torch.Generator) -> Tensor:
    count, height, width, _ = picture_NHWC.shape
    chosen = torch.rand(count, generator=generator) < chance
    rows, columns = (_stretch(count, length, generator) for length in (height, width))
    square_NHW = chosen[:, None, None] & rows[:, :, None] & columns[:, None, :]
    return picture_NHWC.masked_fill(square_NHW[..., None].to(picture_NHWC.device), 0)


def _stretch(count: int, length: int, generator: torch.Generator) -> Tensor:
    """Return bool (count, length), in each row a stretch of `ERASED_SIDE` of the length at a random place."""
    side = round(ERASED_SIDE * length)
    start = (torch.rand(count, generator=generator) * (length - side + 1)).long()[:, None]
    place = torch.arange(length)
    return (place >= start) & (place < start + side)
