"""A trial, the unit of the study: one head trained with one loss from one seed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loss_study.parameters import Parameters

RUNS = Path("runs")
EVAL = Path("eval")


@dataclass(frozen=True, order=True)
class Trial:
    """One head x loss x seed. Its name is the name of its DVC stages and of its two folders."""

    head: str
    loss: str
    seed: int

    @property
    def name(self) -> str:
        """``mask-dice-0``, as in ``train@mask-dice-0`` and ``evaluate@mask-dice-0``."""
        return f"{self.head}-{self.loss}-{self.seed}"

    @property
    def run_dir(self) -> Path:
        """Folder that `train` writes: ``model.pt``, ``history.csv``, ``trial.json``."""
        return RUNS / self.name

    @property
    def eval_dir(self) -> Path:
        """Folder that `evaluate` writes: ``metrics.json``, ``per_image.csv``, ``predictions.npy``."""
        return EVAL / self.name


def trials(parameters: Parameters) -> list[Trial]:
    """Return every trial that `parameters` name, in the order in which DVC's matrix runs them."""
    return [
        Trial(head, loss, seed)
        for head in parameters.loss.heads
        for loss in parameters.loss.names
        for seed in parameters.seeds
    ]
