"""The original study's training, written afresh from its description: what people do with a folder of images.

PIL per item, three decodes and resizes in ``__getitem__``, DataLoader workers, float32 in NCHW, both decoders run
whatever the loss, ``.item()`` in each step. Its mistakes with the data (inputs flipped apart) cost
nothing, so the flips here are right.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import functional

from loss_study import models
from loss_study.data.packed import PackedSample


class Folder(Dataset[tuple[Tensor, Tensor]]):
    """Background, composite and mask of the images of one split of `sample`, read from the files in `stored`."""

    def __init__(self, stored: Path, sample: PackedSample, split: str, size: int, *, flip: bool) -> None:
        rows = [sample.index[row] for row in sample.rows(split)]
        self.items = [
            (
                stored / "bg" / f"{row['background']}.jpg",
                stored / "bg_fg" / f"{Path(row['id']).name}.jpg",
                stored / "bg_fg_mask" / f"{Path(row['id']).name}_mask.jpg",
            )
            for row in rows
        ]
        self.size = size
        self.flip = flip

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, place: int) -> tuple[Tensor, Tensor]:
        background, composite, mask = self.items[place]
        parts = [self._read(background, "RGB"), self._read(composite, "RGB"), self._read(mask, "L")]
        if self.flip and random.random() < 0.5:  # noqa: S311 -- an augmentation, not a secret
            parts = [functional.hflip(part) for part in parts]
        return torch.cat(parts[:2]), parts[2]

    def _read(self, path: Path, mode: str) -> Tensor:
        with Image.open(path) as image:
            return functional.to_tensor(functional.resize(image.convert(mode), [self.size, self.size]))


def loader(data: Folder, batch_size: int, workers: int) -> DataLoader[tuple[Tensor, Tensor]]:
    """Return the usual shuffling loader; an incomplete last batch counts too."""
    return DataLoader(data, batch_size, shuffle=data.flip, num_workers=workers)


def items(data: Folder, batch_size: int, workers: int) -> Callable[[], int]:
    """Return a function that reads `data` once and returns how many items that were."""
    return lambda: sum(len(target) for _, target in loader(data, batch_size, workers))


def epoch(model: nn.Module, train: Folder, held_out: Folder, batch_size: int, workers: int) -> Callable[[], int]:
    """Return a function that trains `model`, whose output is a mapping with a mask, for one epoch and tests it.

    SGD with momentum on BCE, as in the original recipe; the function returns the number of images trained on.
    """
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    train_batches, test_batches = loader(train, batch_size, workers), loader(held_out, batch_size, workers)

    def one() -> int:
        losses = []
        model.train()
        for inputs, target in train_batches:
            optimizer.zero_grad()
            loss = F.binary_cross_entropy_with_logits(model(inputs)["mask"], target)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        model.eval()
        with torch.no_grad():
            for inputs, target in test_batches:
                losses.append(F.binary_cross_entropy_with_logits(model(inputs)["mask"], target).item())
        return len(train)

    return one


def resunet(width: int) -> nn.Module:
    """Return the two-headed ResUNet with torch's own upsampling, as the original has it."""
    torch.manual_seed(0)
    return _OwnUpsampling(models.build("resunet", 6, ["mask", "depth"], width=width))


class _OwnUpsampling(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: Tensor) -> dict[str, Tensor]:
        with torchs_upsampling():
            return self.model(inputs)


@contextmanager
def torchs_upsampling() -> Iterator[None]:
    """Let the ResUNet enlarge by torch's own interpolation."""
    own = {"scale_factor": 2, "mode": "bilinear", "align_corners": True}
    with mock.patch("loss_study.models.resunet.upsample_twice", lambda x: F.interpolate(x, **own)):
        yield
