"""A trial, the unit of the study: one head trained with one loss from one seed, in one of the study's rounds.

Nothing here imports more than the standard library: a stage that has nothing to do reads its decision and ends.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loss_study.config import Config

RUNS = Path("runs")
EVAL = Path("eval")
TUNING = Path("tuning")
PARENTS = Path("parents")
DECISIONS = Path("decisions")
#: The stages of the rounds after the first; those of the first are in dvc.yaml.
LATER_ROUNDS = "rounds/dvc.yaml"


@dataclass(frozen=True, order=True)
class Trial:
    """One head x loss x seed; `round` is that of the study in which it is trained, from 1."""

    head: str
    loss: str
    seed: int
    round: int = 1

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
        return RUNS / str(self.round) / self.head / self.loss / str(self.seed)

    @property
    def eval_dir(self) -> Path:
        """Folder that `evaluate` writes: ``metrics.json``, ``per_image.csv``, ``predictions.npy``, ..."""
        return EVAL / str(self.round) / self.head / self.loss / str(self.seed)


def parent_dir(head: str, fold: int) -> Path:
    """Return the folder of the network that the trials of `head` in `fold` continue from, 0 for a fixed split."""
    return PARENTS / head / str(fold)


def training_stage(head: str, loss: str, number: int, kind: str) -> str:
    """Return the name of DVC's stage that trains `loss` in round `number`; `kind` as `Config.kind_of`."""
    stage = stage_of("train", kind)
    return f"{stage}@{head}-{loss}" if number == 1 else f"{LATER_ROUNDS}:{stage}@{number}-{head}-{loss}"


def stage_of(work: str, kind: str) -> str:
    """Return the stage that does `work`, "tune" or "train", for losses of `kind`: ``train``, ``train_imported``."""
    return f"{work}_{kind}" if kind else work


def decision_file(number: int, head: str, loss: str) -> Path:
    """Return the file that says from which seeds `loss` is trained in round `number`: ``{"seeds": [0, 1, 2]}``."""
    return DECISIONS / str(number) / head / f"{loss}.json"


def decided_seeds(number: int, head: str, loss: str) -> list[int]:
    """Return the seeds in that file; none where there is no such file."""
    try:
        return json.loads(decision_file(number, head, loss).read_text(encoding="utf-8"))["seeds"]
    except FileNotFoundError:
        return []


def trials(config: Config, through: int | None = None) -> list[Trial]:
    """Return every trial of `config`: by head, then by loss, then in the order of the seeds.

    The first round trains every loss from its seeds, the later ones what the decisions on disk say.

    Args:
        config: of the study.
        through: the last round to return; None: the last one that has been evaluated.
    """
    return [
        trial
        for head, loss in heads_and_losses(config)
        for number in range(1, _last(config, head, through) + 1)
        for trial in _of_round(config, number, head, loss)
    ]


def trials_of_round(config: Config, number: int) -> list[Trial]:
    """Return the trials of one round, in the same order."""
    pairs = heads_and_losses(config)
    return [trial for head, loss in pairs for trial in _of_round(config, number, head, loss)]


def heads_and_losses(config: Config) -> list[tuple[str, str]]:
    """Return every pair of a head and a loss of `config`, in the order of DVC's stages."""
    return [(head, loss) for head in config.loss.heads for loss in config.losses]


def _last(config: Config, head: str, through: int | None) -> int:
    """Return the number of the last round of `head` to take: rounds follow one another until none trains any more."""
    last = len(config.rounds) if through is None else min(through, len(config.rounds))
    for number in range(2, last + 1):
        evaluated = through is not None or (EVAL / str(number) / head).is_dir()
        if not (evaluated and any(decided_seeds(number, head, loss) for loss in config.losses)):
            return number - 1
    return last


def _of_round(config: Config, number: int, head: str, loss: str) -> Iterator[Trial]:
    seeds = config.rounds[0] if number == 1 else decided_seeds(number, head, loss)
    yield from (Trial(head, loss, seed, number) for seed in seeds)
