"""Our model, our loss and our packed data under a Lightning Trainer: what a framework's loop costs."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import lightning
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from loss_study import losses, models
from loss_study.config import Augmentation
from loss_study.data.batches import Batches
from loss_study.data.packed import PackedSample
from loss_study.metrics.headline import Headline

#: Inputs and target; Lightning takes no frozen dataclass.
Pair = tuple[Tensor, Tensor]


class Epoch(IterableDataset[Pair]):
    """The batches of `Batches` as a dataset that Lightning takes: shuffled and flipped, or in order."""

    def __init__(self, batches: Batches, augmentation: Augmentation | None) -> None:
        self.batches = batches
        self.augmentation = augmentation
        self.epoch = 0

    def __iter__(self) -> Iterator[Pair]:
        if self.augmentation is None:
            batches = self.batches.in_order()
        else:
            self.epoch += 1
            batches = self.batches.shuffled(0, self.epoch, self.augmentation)
        return ((batch.inputs, batch.targets["mask"].values) for batch in batches)


class Trial(lightning.LightningModule):
    """One trial of the mask head with BCE; the channels-last model and the metric are ours."""

    def __init__(self, width: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.model = models.build("resunet", 6, ["mask"], width=width).to(memory_format=torch.channels_last)
        self.loss = losses.load("bce")
        self.headline = Headline("mask")

    def training_step(self, batch: Pair, _: int) -> Tensor:
        """Return the mean loss of the batch."""
        inputs, target = batch
        return self.loss(self.model(inputs)["mask"], target).mean()

    def validation_step(self, batch: Pair, _: int) -> None:
        """Add a batch to the head's metric."""
        inputs, target = batch
        prediction = self.model(inputs)["mask"].float().sigmoid()
        self.headline.add(prediction=prediction, target=target)

    def on_validation_epoch_end(self) -> None:
        """Log the head's metric."""
        self.log("iou", self.headline.value)
        self.headline = Headline("mask")

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return the study's optimiser in torch's own class."""
        return torch.optim.AdamW(self.parameters(), lr=0.01, fused=True)


class Clock(lightning.Callback):
    """When each epoch began and the last one ended; between them lie validation and checkpoints as well."""

    def __init__(self) -> None:
        self.moments: list[float] = []

    def on_train_epoch_start(self, *_: object) -> None:
        """Note the time."""
        self.moments.append(time.perf_counter())

    def on_fit_end(self, *_: object) -> None:
        """Note the time."""
        self.moments.append(time.perf_counter())


def epoch_seconds(
    sample: PackedSample, width: int, batch_size: int, epochs: int, *, bfloat16: bool, checkpoints: Path | None
) -> list[float]:
    """Train for `epochs` and return the seconds of each.

    With a folder for `checkpoints` it keeps there what ours keeps: the state after every epoch, and the best one.
    """
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
    device = torch.device("cpu")
    train, validation = (Batches(sample, split, ["mask"], batch_size, device) for split in ("train", "validation"))
    clock = Clock()
    keep = ModelCheckpoint(checkpoints, monitor="iou", mode="max", save_top_k=1, save_last=True)
    trainer = lightning.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        precision="bf16-mixed" if bfloat16 else "32-true",
        logger=False,
        enable_checkpointing=checkpoints is not None,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        callbacks=[keep, clock] if checkpoints else [clock],
    )
    trainer.fit(
        Trial(width),
        DataLoader(Epoch(train, Augmentation(flip=0.5)), batch_size=None),
        DataLoader(Epoch(validation, None), batch_size=None),
    )
    return [after - before for before, after in pairwise(clock.moments)]
