"""What tests/test_distributed.py starts: gradients of one batch, then a training, by two processes on shares of it.

``python two_processes.py [epoch]``: in that epoch the second process is killed.
"""

import json
import os
import signal
import sys
from pathlib import Path

import torch

from loss_study import losses, models
from loss_study.config import load_config
from loss_study.data.batches import Batch, Batches
from loss_study.data.packed import PackedSample
from loss_study.runtime.errors import run_stage
from loss_study.tracking.live import LiveRun
from loss_study.training import distributed, run
from loss_study.trial import Trial

TRIAL = Trial("mask", "dice", 0)
PIXELS = 32


def gradients() -> dict[str, torch.Tensor]:
    """Return what one batch of eight pictures leaves in a model: gradients and buffers, in float64."""
    torch.manual_seed(0)
    model = models.build("resunet", 6, ["mask"], width=4).double().train()
    network = distributed.data_parallel(model)
    inputs = torch.rand(8, 6, PIXELS, PIXELS, dtype=torch.float64)
    whole = Batch(inputs, (inputs[:, :1] > 0.7).double())
    (own,) = distributed.share(iter([whole]))
    losses.build("dice", smooth=1.0)(network(own.inputs)["mask"], own.target, None).mean().backward()
    found = {name: parameter.grad for name, parameter in model.named_parameters()}
    return found | dict(model.named_buffers())


def work() -> None:
    """Leave ``gradients.pt``, a trained trial, and a line in ``told.txt`` for each epoch that MLflow is told of."""
    found = gradients()
    if distributed.is_first():
        torch.save(found, "gradients.pt")
    run.run(TRIAL, PackedSample.open(Path("data/sample")), load_config())


def told(run: LiveRun, row: dict[str, float]) -> None:
    with Path("told.txt").open("a") as file:
        print(json.dumps([os.environ.get("RANK"), row["epoch"]]), file=file)


def killed_in(epoch: int, shuffled):
    def until_then(self, seed, now, augmentation):
        if now == epoch and not distributed.is_first():
            os.kill(os.getpid(), signal.SIGKILL)
        return shuffled(self, seed, now, augmentation)

    return until_then


if __name__ == "__main__":
    LiveRun.epoch = told
    if len(sys.argv) > 1:
        Batches.shuffled = killed_in(int(sys.argv[1]), Batches.shuffled)
    run_stage(lambda: distributed.in_processes(load_config().recipe.devices, work))
