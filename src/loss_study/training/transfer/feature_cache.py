"""A frozen encoder's outputs, computed once and kept in ``features/<key>/`` for every trial that needs the same ones.

The key is a hash of all that decides them: the encoder's weights and code, the images, the splits, precision, batch
size and threads. So they are the numbers that the encoder would give anew, to the last digit on a CPU. Nothing removes
the folder; it can be deleted whenever no training runs.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import torch
from torch import Tensor, nn

from loss_study import models
from loss_study.config import Augmentation
from loss_study.data.batches import Batches
from loss_study.data.packed import PackedSample
from loss_study.runtime import checksums
from loss_study.runtime.errors import StudyError
from loss_study.runtime.files import whole_folder
from loss_study.runtime.locks import locked
from loss_study.training.checkpoint import code_files, key
from loss_study.training.device import autocast
from loss_study.training.transfer.feature_batches import SPLITS, FeatureWriter, bytes_of

FEATURES = Path("features")
#: The parts of the package whose code decides the outputs of an encoder.
CODE = ("data", "models", "training/device.py", "training/transfer")
MIRRORED = Augmentation(flip=1.0)


class Decoding(nn.Module):
    """The part of `model` after the encoder: a network whose input is features."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, features: list[Tensor]) -> dict[str, Tensor]:
        """Return the logits of every head."""
        return models.decode(self.model, features)


def keep(
    model: nn.Module,
    sample: PackedSample,
    head: str,
    batch_size: int,
    precision: str,
    *,
    mirrored: bool,
    tell: Callable[[str], None],
) -> Path:
    """Return the folder of the outputs of the model's encoder, computed unless they are there; see `Features`.

    Args:
        head: whose batches to go through; the images are the same for all.
        mirrored: keep those of the mirrored training images as well.
        tell: called with a few words on how far the work is.

    Raises:
        StudyError: the disk has too little room.
    """
    encoder = Encoder(model, precision)
    folder = FEATURES / _key(encoder, sample, batch_size, mirrored)
    with locked(folder.with_suffix(".lock"), "computing the frozen encoder's outputs", wait_seconds=-1, on_wait=tell):
        checksums.check(folder)
        if not folder.exists():
            with whole_folder(folder) as new:
                _compute(new, encoder, sample, head, batch_size, mirrored=mirrored, tell=tell)
    return folder


class Encoder:
    """The encoder of a model, in evaluation mode and in the precision in which it would be trained behind."""

    def __init__(self, model: nn.Module, precision: str) -> None:
        self.model, self.precision = model, precision
        self.device = next(model.parameters()).device

    @torch.no_grad()
    def outputs(self, images: Tensor) -> list[Tensor]:
        """Return the features of `images` (N, C, H, W)."""
        self.model.eval()
        with autocast(images.device, self.precision):
            return models.features(self.model, images)

    def digest(self) -> str:
        """Return a hash of its structure and of all tensors that are not behind it, such as those that normalise."""
        parts = models.parts(self.model)
        digest = hashlib.sha256(str(parts["encoder"]).encode())
        behind = {id(tensor) for part in ("decoder", "head") for _, tensor in _tensors(parts[part])}
        for name, tensor in _tensors(self.model):
            if id(tensor) not in behind:
                digest.update(name.encode())
                digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
        return digest.hexdigest()


def _tensors(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    return chain(module.named_parameters(), module.named_buffers())


def _key(encoder: Encoder, sample: PackedSample, batch_size: int, mirrored: bool) -> str:
    images = [path for name in ("images", "backgrounds") if (path := sample.folder / f"{name}.npy").exists()]
    parts = {
        "encoder": encoder.digest(),
        "fold": sample.fold,
        "device": encoder.device.type,
        "precision": encoder.precision,
        "batch_size": batch_size,
        "threads": torch.get_num_threads(),
        "mirrored": mirrored,
        "torch": torch.__version__,
    }
    return key(parts, [*code_files(CODE), *images, sample.folder / "index.csv"])


def _compute(
    folder: Path,
    encoder: Encoder,
    sample: PackedSample,
    head: str,
    batch_size: int,
    *,
    mirrored: bool,
    tell: Callable[[str], None],
) -> None:
    train, validation = (Batches(sample, split, [head], batch_size, encoder.device) for split in SPLITS)
    whole = _filled_up(train.rows, batch_size)
    parts = [(len(train.rows), train.in_order(rows=whole)), (len(validation.rows), validation.in_order())]
    if mirrored:
        parts.append((len(train.rows), train.in_order(MIRRORED, rows=whole)))
    entries = sum(count for count, _ in parts)
    writer = FeatureWriter(folder, entries)
    for count, batches in parts:
        end = writer.written + count
        for batch in batches:
            assert isinstance(batch.inputs, Tensor)
            features = encoder.outputs(batch.inputs)
            if not writer.written:
                _check_room(folder, bytes_of(features) * entries)
            writer.add(features, min(len(batch), end - writer.written))
            tell(f"outputs of the frozen encoder: {writer.written} of {entries}")


def _filled_up(rows: Tensor, batch_size: int) -> Tensor:
    """Return `rows` with the first ones again at the end, so that no batch is incomplete.

    The last digits of a result may depend on the size of its batch, and those of a training are complete.
    """
    return torch.cat([rows, rows[: -len(rows) % min(batch_size, len(rows))]])


def _check_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise StudyError(
            f"recipe.cache_features: the outputs take {needed / 1e9:.1f} GB, {FEATURES}/ has {free / 1e9:.1f} GB left; "
            "delete what is old in it, or set it to false"
        )
