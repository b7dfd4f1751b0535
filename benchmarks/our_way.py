"""One trial trained as the study does: the loop itself, its validation and its checkpoint."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path

from loss_study import config
from loss_study.data.packed import PackedSample
from loss_study.training.checkpoint import Checkpoint
from loss_study.training.train import train
from loss_study.trial import Trial


def epoch_seconds(sample: PackedSample, study: config.Config, epochs: int, scratch: Path) -> list[float]:
    """Train a trial as the study does; return the seconds of each epoch, validation and checkpoint included."""
    moments = [time.perf_counter()]
    recipe = study.recipe.model_copy(update={"epochs": epochs})
    trial = Trial("mask", "bce", 0)
    checkpoint = Checkpoint(trial.name, "benchmark")
    checkpoint.folder = scratch / "checkpoint"
    with checkpoint:
        train(
            trial, sample, study.model, recipe, {}, checkpoint,
            on_step=lambda _: None,
            on_epoch=lambda _: moments.append(time.perf_counter()),
        )  # fmt: skip
        checkpoint.remove()
    return [after - before for before, after in pairwise(moments)]
