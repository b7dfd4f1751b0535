"""Batches from the packed sample: gathered as whole numbers, changed on the device, ready as floats.

There are no worker processes: each batch is one gather per array. It reads the mapped files, a copy on the GPU where
that fits, or, of a small split, a copy in memory that has background and image in one array.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from loss_study.config import Augmentation
from loss_study.data.augmentation import augment, augment_heads, draw_flips_together, take
from loss_study.data.depth_scale import DEPTH_STEPS
from loss_study.data.packed import PackedSample

#: Share of the GPU's free memory that the sample may take.
RESIDENT_SHARE = 0.5
#: Bytes that the inputs of a split may take in memory, concatenated and mirrored in advance: both are slow for uint8.
CONCATENATED_BYTES = 2**29


@dataclass(frozen=True)
class Batch:
    """Floats in [0, 1]: `inputs` (N, C, H, W), background before image, and `target` (N, 1, H, W).

    `inputs` lies in channels-last memory. The target of K >= 2 classes is one-hot, (N, K, H, W). `valid` (N, 1, H, W)
    is 1 at valid pixels and 0 at invalid ones; None: all are valid. `FeatureBatches` have an encoder's outputs
    for inputs; `BatchesOfHeads` have the targets of several heads behind one another in the channels.
    """

    inputs: Tensor | list[Tensor]
    target: Tensor
    valid: Tensor | None = None


class Targets:
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

    def as_floats(self, target_NHW: Tensor, valid_NHW: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return what `taken` gives as `Batch` has it: (N, C, H, W) and (N, 1, H, W) or None."""
        return self._target(target_NHW[:, None]), None if valid_NHW is None else valid_NHW[:, None].float()

    def _target(self, values_N1HW: Tensor) -> Tensor:
        if values_N1HW.dtype == torch.int16:
            return values_N1HW.view(torch.uint16).float().div_(DEPTH_STEPS)
        if self.classes == 1:
            return values_N1HW.float().div_(255)
        return (values_N1HW == torch.arange(self.classes, device=values_N1HW.device).view(1, -1, 1, 1)).float()


class Batches:
    """The batches of one head and split of a sample."""

    def __init__(self, sample: PackedSample, split: str, head: str, batch_size: int, device: torch.device) -> None:
        self.rows = torch.from_numpy(sample.rows(split))
        self.batch_size = batch_size
        self.device = device
        images, backgrounds = sample.images, sample.backgrounds
        arrays = [images, sample.targets(head), backgrounds, sample.valid(head)]
        self.home = device if fits(arrays, device) else torch.device("cpu")
        self.images = as_tensor(images).to(self.home)
        self.targets = Targets(sample, head, self.home, device)
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
        target_NHW, valid_NHW = self.targets.taken(rows, flipped)
        if augmentation is not None:
            inputs_NHWC, target_NHW, valid_NHW = augment(
                inputs_NHWC, target_NHW, augmentation, generator, valid_NHW=valid_NHW
            )
        return self._batch(as_inputs(inputs_NHWC), target_NHW, valid_NHW)

    def _batch(self, inputs: Tensor | list[Tensor], target_NHW: Tensor, valid_NHW: Tensor | None) -> Batch:
        return Batch(inputs, *self.targets.as_floats(target_NHW, valid_NHW))

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


class BatchesOfHeads(Batches):
    """The batches of several heads together: the same images, order and flips as those of each head on its own.

    A `Batch` has the targets behind one another in the channels, in the order of `heads`, and where a head has invalid
    pixels, `valid` (N, heads, H, W).
    """

    def __init__(
        self, sample: PackedSample, split: str, heads: Sequence[str], batch_size: int, device: torch.device
    ) -> None:
        first, *others = heads
        super().__init__(sample, split, first, batch_size, device)
        self.of_heads = [self.targets, *(Targets(sample, head, self.home, device) for head in others)]

    def _gather(self, rows: Tensor, augmentation: Augmentation | None, generator: torch.Generator) -> Batch:
        flipped = draw_flips_together(len(rows), augmentation, generator)
        inputs_NHWC = self._inputs(rows, flipped).to(self.device, non_blocking=True)
        taken = [targets.taken(rows, flipped) for targets in self.of_heads]
        if augmentation is not None:
            inputs_NHWC, taken = augment_heads(inputs_NHWC, taken, augmentation, generator)
        pairs = [targets.as_floats(*pair) for targets, pair in zip(self.of_heads, taken, strict=True)]
        return Batch(as_inputs(inputs_NHWC), torch.cat([target for target, _ in pairs], dim=1), _valid(pairs))


def as_inputs(inputs_NHWC: Tensor) -> Tensor:
    """Return uint8 (N, H, W, C) as float (N, C, H, W) in [0, 1], in channels-last memory."""
    return inputs_NHWC.permute(0, 3, 1, 2).float().div_(255)


def _valid(pairs: Sequence[tuple[Tensor, Tensor | None]]) -> Tensor | None:
    """Return which pixels are valid, one channel for each head; None where all of all heads are."""
    if all(valid is None for _, valid in pairs):
        return None
    return torch.cat([torch.ones_like(target[:, :1]) if valid is None else valid for target, valid in pairs], dim=1)


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
