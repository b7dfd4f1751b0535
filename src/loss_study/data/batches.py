"""Batches from the packed sample: gathered as whole numbers, changed on the device, ready as floats.

There are no worker processes: each batch is one gather per array. It reads the mapped files, a copy on the GPU where
that fits, or, of a small split, a copy in memory that has background and image in one array.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from loss_study.config import Augmentation
from loss_study.data.augmentation import augment, draw_flips_together, take
from loss_study.data.depth_scale import DEPTH_STEPS
from loss_study.data.packed import PackedSample

#: Share of the GPU's free memory that the sample may take.
RESIDENT_SHARE = 0.5
#: Bytes that the inputs of a split may take in memory, concatenated and mirrored in advance: both are slow for uint8.
CONCATENATED_BYTES = 2**29


class Target(NamedTuple):
    """The ground truth of one head in a batch.

    Attributes:
        values: floats in [0, 1], (N, 1, H, W); of K >= 2 classes one-hot, (N, K, H, W).
        valid: float (N, 1, H, W), 1 at valid pixels and 0 at invalid ones; None: all are valid.
    """

    values: Tensor
    valid: Tensor | None = None


@dataclass(frozen=True)
class Batch:
    """Floats in [0, 1]: `inputs` (N, C, H, W), background before image, and the `targets` by head.

    `inputs` lies in channels-last memory. `FeatureBatches` have an encoder's outputs for inputs.
    """

    inputs: Tensor | list[Tensor]
    targets: Mapping[str, Target]

    def __len__(self) -> int:
        """Return the number of images."""
        return len(next(iter(self.targets.values())).values)


class PackedTargets:
    """The ground truth of one head of a sample, kept on `home`; a batch of it is on `device`."""

    def __init__(self, sample: PackedSample, head: str, home: torch.device, device: torch.device) -> None:
        self.device = device
        self.classes = sample.classes if head == "mask" else 1
        valid = sample.valid(head)
        self.targets = as_tensor(_signed(sample.targets(head))).to(home)
        self.valid = None if valid is None else as_tensor(valid).to(home)

    def taken(self, rows: Tensor, flipped: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the packed targets, `_signed`, and which pixels are valid, bool or None: all; both (N, H, W)."""

        def of_batch(array: Tensor) -> Tensor:
            return take(array, rows, flipped).to(self.device, non_blocking=True)

        return of_batch(self.targets), None if self.valid is None else of_batch(self.valid)

    def as_floats(self, target_NHW: Tensor, valid_NHW: Tensor | None) -> Target:
        """Return what `taken` gives as a batch has it."""
        return Target(self._values(target_NHW[:, None]), None if valid_NHW is None else valid_NHW[:, None].float())

    def _values(self, values_N1HW: Tensor) -> Tensor:
        if values_N1HW.dtype == torch.int16:
            return values_N1HW.view(torch.uint16).float().div_(DEPTH_STEPS)
        if self.classes == 1:
            return values_N1HW.float().div_(255)
        return (values_N1HW == torch.arange(self.classes, device=values_N1HW.device).view(1, -1, 1, 1)).float()


class Batches:
    """The batches of one split of a sample, with the ground truth of one or more heads.

    Order, changes and numbers of a head are the same, whichever other heads there are.
    """

    def __init__(
        self, sample: PackedSample, split: str, heads: Sequence[str], batch_size: int, device: torch.device
    ) -> None:
        self.rows = torch.from_numpy(sample.rows(split))
        self.batch_size = batch_size
        self.device = device
        images, backgrounds = sample.images, sample.backgrounds
        of_heads = [array for head in heads for array in (sample.targets(head), sample.valid(head))]
        arrays = [images, backgrounds, *of_heads]
        self.home = device if fits(arrays, device) else torch.device("cpu")
        self.images = as_tensor(images).to(self.home)
        self.targets = {head: PackedTargets(sample, head, self.home, device) for head in heads}
        self.backgrounds = None if backgrounds is None else as_tensor(backgrounds).to(self.home)
        self.background_rows = torch.from_numpy(sample.background_rows)

    def in_order(self, augmentation: Augmentation | None = None, rows: Tensor | None = None) -> Iterator[Batch]:
        """Yield every image of the split once, in order.

        `augmentation` changes them in the same way each time; None leaves them as they are. `rows` asks for these
        images of the split instead, in this order.
        """
        generator = torch.Generator().manual_seed(0)
        for batch in (self.rows if rows is None else rows).split(self.batch_size):
            yield self._gather(batch, augmentation, generator)

    def shuffled(self, seed: int, epoch: int, augmentation: Augmentation | None) -> Iterator[Batch]:
        """Yield the training batches of one epoch, changed by `augmentation`.

        Order and changes depend on `seed` and `epoch` alone. An incomplete last batch is left out, so that every step
        weighs the same.
        """
        generator = torch.Generator().manual_seed((seed << 20) + epoch)
        order = self.rows[torch.randperm(len(self.rows), generator=generator)]
        for rows in order[: self.steps * self.batch_size].split(min(self.batch_size, len(order))):
            yield self._gather(rows, augmentation, generator)

    @property
    def steps(self) -> int:
        """Number of batches of `shuffled`."""
        return max(1, len(self.rows) // self.batch_size)

    def _gather(self, rows: Tensor, augmentation: Augmentation | None, generator: torch.Generator) -> Batch:
        flipped = draw_flips_together(len(rows), augmentation, generator)
        inputs_NHWC = self._inputs(rows, flipped).to(self.device, non_blocking=True)
        taken = [targets.taken(rows, flipped) for targets in self.targets.values()]
        if augmentation is not None:
            inputs_NHWC, taken = augment(inputs_NHWC, taken, augmentation, generator)
        return self._batch(as_inputs(inputs_NHWC), taken)

    def _batch(self, inputs: Tensor | list[Tensor], taken: Sequence[tuple[Tensor, Tensor | None]]) -> Batch:
        of_heads = zip(self.targets.items(), taken, strict=True)
        return Batch(inputs, {head: targets.as_floats(*arrays) for (head, targets), arrays in of_heads})

    def _inputs(self, rows: Tensor, flipped: Tensor) -> Tensor:
        """Return backgrounds and images of `rows`, mirrored where `flipped`, uint8 (N, H, W, C)."""
        if self.backgrounds is None:
            return take(self.images, rows, flipped)
        if (kept := self._concatenated) is not None:
            return kept.index_select(0, torch.searchsorted(self.rows, rows) + len(self.rows) * flipped)
        backgrounds = take(self.backgrounds, self.background_rows[rows], flipped)
        return torch.cat([backgrounds, take(self.images, rows, flipped)], dim=3)

    @cached_property
    def _concatenated(self) -> Tensor | None:
        """The inputs of the whole split, and once more mirrored, where they may be kept: uint8 (2 N, H, W, 6)."""
        assert self.backgrounds is not None
        count, (height, width) = len(self.rows), self.images.shape[1:3]
        if self.home.type != "cpu" or 2 * count * height * width * 6 > CONCATENATED_BYTES:
            return None
        kept = torch.empty(2, count, height, width, 6, dtype=torch.uint8)
        for position, row in enumerate(self.rows.tolist()):
            torch.cat([self.backgrounds[self.background_rows[row]], self.images[row]], dim=2, out=kept[0, position])
            kept[1, position] = kept[0, position].flip(1)
        return kept.flatten(0, 1)


def as_inputs(inputs_NHWC: Tensor) -> Tensor:
    """Return uint8 (N, H, W, C) as float (N, C, H, W) in [0, 1], in channels-last memory."""
    return inputs_NHWC.permute(0, 3, 1, 2).float().div_(255)


def _signed(targets: np.ndarray) -> np.ndarray:
    """Return uint16, for which PyTorch lacks operations, as the int16 of the same bits; other types as they are."""
    return targets.view(np.int16) if targets.dtype == np.uint16 else targets


def as_tensor(array: np.ndarray) -> Tensor:
    """Return `array`, which may be mapped for reading only, as a tensor that shares its memory."""
    with warnings.catch_warnings():
        # The map is read-only on purpose, and nothing here writes to it.
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(array)


def fits(arrays: Sequence[np.ndarray | None], device: torch.device) -> bool:
    """Say whether `device` is a GPU with so much free memory that `arrays` may live there."""
    if device.type != "cuda":
        return False
    free, _ = torch.cuda.mem_get_info(device)
    return sum(array.nbytes for array in arrays if array is not None) < RESIDENT_SHARE * free
