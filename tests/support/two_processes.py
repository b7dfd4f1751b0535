"""What test_distributed.py starts: the gradients of one batch, then a trial, by two processes on shares of each batch.

``python two_processes.py [epoch]``: in that epoch the second process is killed. All is computed in float64, so that the
order in which two processes add their numbers leaves no more than 1e-9 of a difference, on any processor.
"""

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest import mock

import torch

from loss_study import losses, models
from loss_study.config import load_config
from loss_study.data.batches import Batch, Batches, Target
from loss_study.data.packed import PackedSample
from loss_study.runtime.errors import run_stage
from loss_study.training import checkpoint, distributed, run
from loss_study.trial import Trial

TRIAL = Trial("mask", "dice", 0)
PIXELS = 32


@contextmanager
def float64() -> Iterator[None]:
    """Build models and make batches in float64 during the block."""
    make = Batches._batch

    def in_float64(self: Batches, *arguments: torch.Tensor) -> Batch:
        batch = make(self, *arguments)
        targets = {head: target._replace(values=target.values.double()) for head, target in batch.targets.items()}
        return replace(batch, inputs=batch.inputs.double(), targets=targets)

    torch.set_default_dtype(torch.float64)
    try:
        with mock.patch.object(Batches, "_batch", in_float64):
            yield
    finally:
        torch.set_default_dtype(torch.float32)


def gradients() -> dict[str, torch.Tensor]:
    """Return what one batch of eight images leaves in a model: gradients and buffers."""
    torch.manual_seed(0)
    model = models.build("resunet", 6, ["mask"], width=4).train()
    network = distributed.data_parallel(model)
    inputs = torch.rand(8, 6, PIXELS, PIXELS)
    whole = Batch(inputs, {"mask": Target((inputs[:, :1] > 0.7).double())})
    (own,) = distributed.share(iter([whole]))
    losses.load("dice", {"smooth": 1.0})(
        network(own.inputs)["mask"], own.targets["mask"].values, None
    ).mean().backward()
    found = {name: parameter.grad for name, parameter in model.named_parameters()}
    return found | dict(model.named_buffers())


class Listener:
    """Writes a line into ``heard.txt`` for each epoch that it is told of."""

    def __init__(self, *_: object) -> None: ...

    def epoch(self, row: dict[str, float]) -> None:
        """Write the line."""
        with Path("heard.txt").open("a") as file:
            print(json.dumps([os.environ.get("RANK"), row["epoch"]]), file=file)

    def close(self, status: str) -> None:
        """Do nothing."""


def work() -> None:
    """Leave ``gradients.pt``, a trained trial, and ``heard.txt``."""
    found = gradients()
    if distributed.is_first():
        torch.save(found, "gradients.pt")
    listen = Listener if distributed.is_first() else run.Silent
    run.train_trials([TRIAL], load_config(), PackedSample.open(Path("data/sample")), listen=listen)


def killed_in(epoch: int, shuffled):
    def until_then(self, seed, now, augmentation):
        if now == epoch and not distributed.is_first():
            os.kill(os.getpid(), signal.SIGKILL)
        return shuffled(self, seed, now, augmentation)

    return until_then


if __name__ == "__main__":
    checkpoint.SHARE = 1e9  # A checkpoint after every epoch, although these take less time than that.
    if len(sys.argv) > 1:
        Batches.shuffled = killed_in(int(sys.argv[1]), Batches.shuffled)
    with float64():
        run_stage(lambda: distributed.in_processes(load_config().recipe.devices, work))
