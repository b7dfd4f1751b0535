"""A trial, the unit of the study: one head trained with one loss from one seed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from loss_study.config import Config

RUNS = Path("runs")
EVAL = Path("eval")
TUNING = Path("tuning")


@dataclass(frozen=True, order=True)
class Trial:
    """One head x loss x seed."""

    head: str
    loss: str
    seed: int

    @property
    def name(self) -> str:
        """``mask-dice-0``."""
        return f"{self.head}-{self.loss}-{self.seed}"

    @property
    def tuning_dir(self) -> Path:
        """Folder that `tune` writes, shared by all seeds: ``choice.json``, ``search.csv``."""
        return TUNING / self.head / self.loss

    @property
    def run_dir(self) -> Path:
        """Folder that `train` writes: ``model.pt``, ``history.csv``, ``trial.json``."""
        return RUNS / self.head / self.loss / str(self.seed)

    @property
    def eval_dir(self) -> Path:
        """Folder that `evaluate` writes: ``metrics.json``, ``per_image.csv``, ``predictions.npy``, ..."""
        return EVAL / self.head / self.loss / str(self.seed)


def trials(config: Config) -> list[Trial]:
    """Return every trial of `config`: by head, then by loss, then by seed."""
    return [Trial(head, loss, seed) for head, loss in heads_and_losses(config) for seed in config.seeds]


def heads_and_losses(config: Config) -> list[tuple[str, str]]:
    """Return every pair of a head and a loss of `config`, in the order of DVC's stages."""
    return [(head, loss) for head in config.loss.heads for loss in config.losses]
