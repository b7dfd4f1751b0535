"""A trial, the unit of the study: one head trained with one loss from one seed."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from loss_study.config import HEADS, Config

RUNS = Path("runs")
EVAL = Path("eval")
TUNING = Path("tuning")


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
    def tuning_dir(self) -> Path:
        """Folder that `tune` writes, shared by all seeds: ``choice.json``, ``search.csv``, ``protocol.json``."""
        return TUNING / f"{self.head}-{self.loss}"

    @property
    def run_dir(self) -> Path:
        """Folder that `train` writes: ``model.pt``, ``history.csv``, ``trial.json``."""
        return RUNS / self.name

    @property
    def eval_dir(self) -> Path:
        """Folder that `evaluate` writes: ``metrics.json``, ``per_image.csv``, ``predictions.npy``."""
        return EVAL / self.name


def from_command_line(description: str | None) -> Trial:
    """Read ``<head> <loss> <seed>`` from the command line of a stage; `description` is what ``--help`` says."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("head", choices=HEADS)
    parser.add_argument("loss")
    parser.add_argument("seed", type=int)
    return Trial(**vars(parser.parse_args()))


def trials(config: Config) -> list[Trial]:
    """Return every trial that `config` name, in the order in which DVC's matrix runs them."""
    return [Trial(head, loss, seed) for head, loss in heads_and_losses(config) for seed in config.seeds]


def heads_and_losses(config: Config) -> list[tuple[str, str]]:
    """Return every pair of a head and a loss that `config` name, in the order of DVC's matrix."""
    return [(head, loss) for head in config.loss.heads for loss in config.loss.names]
