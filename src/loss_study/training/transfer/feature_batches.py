"""Batches of an encoder's outputs, computed once, in place of images."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from loss_study.config import Augmentation
from loss_study.data.augmentation import draw_flips
from loss_study.data.batches import Batch, Batches, as_tensor, fits
from loss_study.data.packed import PackedSample

#: Splits whose features are kept, in this order; behind them those of the mirrored training images.
SPLITS = ("train", "validation")
DESCRIPTION = "features.json"


class Features:
    """The kept outputs of an encoder, memory-mapped from `folder`; on a GPU that has room for them, a copy there.

    A folder of ``0.npy``, ``1.npy``, ...: one array for each tensor, an entry for each image of the training split,
    of the validation split, and, where training images are flipped, of the mirrored training split.
    ``features.json`` says of each tensor its dtype, and whether it lies in channels-last memory: then the array is
    (N, H, W, C). bfloat16, which NumPy does not have, is kept as int16 of the same bits.
    """

    def __init__(self, folder: Path, sample: PackedSample, device: torch.device) -> None:
        self.device = device
        self.tensors = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        arrays = [np.load(folder / f"{number}.npy", mmap_mode="r") for number in range(len(self.tensors))]
        home = device if fits(arrays, device) else torch.device("cpu")
        self.arrays = [as_tensor(array).to(home) for array in arrays]
        rows = np.concatenate([sample.rows(split) for split in SPLITS])
        self.mirrored = len(rows)
        self.entries = torch.full((len(sample.index),), -1)
        self.entries[torch.from_numpy(rows)] = torch.arange(len(rows))

    def take(self, rows: Tensor, flipped: Tensor) -> list[Tensor]:
        """Return the encoder's outputs for the images `rows` of the sample, mirrored where `flipped` (N,) says so."""
        entries = self.entries[rows] + self.mirrored * flipped
        taken = []
        for array, how in zip(self.arrays, self.tensors, strict=True):
            tensor = array[entries.to(array.device)].to(self.device, non_blocking=True)
            tensor = tensor.view(getattr(torch, how["dtype"]))
            taken.append(tensor.permute(0, 3, 1, 2) if how["channels_last"] else tensor)
        return taken


class FeatureBatches(Batches):
    """The batches of `Batches`, with the lists that `Features` gives for inputs: same order, same flips.

    Only flips, of inputs and target together, can be kept.
    """

    def __init__(
        self, sample: PackedSample, split: str, head: str, batch_size: int, device: torch.device, features: Features
    ) -> None:
        super().__init__(sample, split, [head], batch_size, device)
        self.features = features

    def _gather(self, rows: Tensor, augmentation: Augmentation | None, generator: torch.Generator) -> Batch:
        chance = 0.0 if augmentation is None else augmentation.flip
        flipped = draw_flips(len(rows), chance, generator)
        taken = [targets.taken(rows, flipped) for targets in self.targets.values()]
        return self._batch(self.features.take(rows, flipped), taken)


class FeatureWriter:
    """Writes the arrays of `Features`, batch by batch, into an empty `folder`."""

    def __init__(self, folder: Path, entries: int) -> None:
        self.folder, self.entries, self.written = folder, entries, 0
        self.arrays: list[np.memmap] = []

    def add(self, features: Sequence[Tensor], count: int) -> None:
        """Write the entries of the first `count` images of a batch."""
        tensors = [_as_kept(tensor) for tensor in features]
        if not self.arrays:
            self._describe(features)
            self.arrays = [self._create(number, array) for number, array in enumerate(tensors)]
        for array, tensor in zip(self.arrays, tensors, strict=True):
            array[self.written : self.written + count] = tensor[:count]
        self.written += count

    def _create(self, number: int, batch: np.ndarray) -> np.memmap:
        shape = (self.entries, *batch.shape[1:])
        return np.lib.format.open_memmap(self.folder / f"{number}.npy", "w+", batch.dtype, shape)

    def _describe(self, features: Sequence[Tensor]) -> None:
        tensors = [
            {"dtype": str(tensor.dtype).removeprefix("torch."), "channels_last": _is_channels_last(tensor)}
            for tensor in features
        ]
        (self.folder / DESCRIPTION).write_text(json.dumps(tensors), encoding="utf-8")


def bytes_of(features: Sequence[Tensor]) -> int:
    """Return how many bytes the outputs for one image take."""
    return sum(tensor[0].nbytes for tensor in features)


def _as_kept(tensor: Tensor) -> np.ndarray:
    tensor = tensor.permute(0, 2, 3, 1) if _is_channels_last(tensor) else tensor
    tensor = tensor.contiguous().cpu()
    return (tensor.view(torch.int16) if tensor.dtype == torch.bfloat16 else tensor).numpy()


def _is_channels_last(tensor: Tensor) -> bool:
    # Of a tensor that is both, the strides decide, as they do for the kernels that read it.
    return tensor.ndim == 4 and tensor.stride(1) == 1 and tensor.is_contiguous(memory_format=torch.channels_last)
