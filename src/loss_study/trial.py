"""A trial, the unit of the study: one head trained with one loss from one seed, in one of the study's rounds.

Nothing here imports more than the standard library: a stage that has nothing to do reads its decision and ends.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loss_study.heads import JOINT
from loss_study.runtime import checksums

if TYPE_CHECKING:
    from loss_study.config import Config

SAMPLE = Path("data/sample")
RUNS = Path("runs")
EVAL = Path("eval")
TUNING = Path("tuning")
PARENTS = Path("parents")
DECISIONS = Path("decisions")
#: The stages of the rounds after the first; those of the first are in dvc.yaml.
LATER_ROUNDS = "rounds/dvc.yaml"


@dataclass(frozen=True, order=True)
class Trial:
    """One head x loss x seed; `round` is that of the study in which it is trained, from 1.

    A joint training, of one network with all heads, has `JOINT` for its head and its name for its loss. Measured on one
    of its heads it is a trial of that head, `joint`, and its folders are beside those of the heads.
    """

    head: str
    loss: str
    seed: int
    round: int = 1
    joint: bool = False

    @property
    def name(self) -> str:
        """``mask-dice-0``."""
        return f"{self.head}-{self.loss}-{self.seed}"

    @property
    def tuning_dir(self) -> Path:
        """Folder of its learning rate, shared by all seeds: ``choice.json``, ``search.csv``."""
        return TUNING / self._network / self.loss

    @property
    def run_dir(self) -> Path:
        """Folder that `train` writes: ``model.pt``, ``history.csv``, ``trial.json``."""
        return RUNS / str(self.round) / self._network / self.loss / str(self.seed)

    @property
    def eval_dir(self) -> Path:
        """Folder that `evaluate` writes: ``metrics.json``, ``per_image.csv``, ``predictions.npy``, ..."""
        folder = EVAL / str(self.round) / self._network / self.loss
        return (folder / self.head if self.joint else folder) / str(self.seed)

    @property
    def _network(self) -> str:
        """What the network has: one head, or all."""
        return JOINT if self.joint else self.head


def parent_dir(head: str, fold: int) -> Path:
    """Return the folder of the network that the trials of `head` in `fold` continue from, 0 for a fixed split."""
    return PARENTS / head / str(fold)


def training_stage(head: str, loss: str, number: int, kind: str) -> str:
    """Return DVC's stage that trains `loss`, or with `JOINT` for the head a joint training, in round `number`.

    `kind` is what `Config.kind_of` says of the loss.
    """
    stage = "train_joint" if head == JOINT else f"train_{kind}" if kind else "train"
    item = loss if head == JOINT else f"{head}-{loss}"
    return f"{stage}@{item}" if number == 1 else f"{LATER_ROUNDS}:{stage}@{number}-{item}"


def decision_file(number: int, head: str, loss: str) -> Path:
    """Return the file that says from which seeds `loss` is trained in round `number`: ``{"seeds": [0, 1, 2]}``.

    That of a joint training is under `JOINT` and has the heads that ask for it, too: ``{..., "heads": ["mask"]}``.
    """
    return DECISIONS / str(number) / head / f"{loss}.json"


def decided_seeds(number: int, head: str, loss: str, *, joint: bool = False) -> list[int]:
    """Return the seeds in that file; none where there is no such file.

    With `joint`, `loss` is a joint training: those that `head` asks for.
    """
    checksums.check(DECISIONS / str(number))
    try:
        decision = json.loads(decision_file(number, JOINT if joint else head, loss).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    return decision["seeds"] if not joint or head in decision["heads"] else []


def candidate_seeds(config: Config, number: int, head: str, candidate: str) -> list[int]:
    """Return the same for a loss or a joint training of `config`."""
    return decided_seeds(number, head, candidate, joint=candidate in config.joint.names)


def trials(config: Config, through: int | None = None) -> list[Trial]:
    """Return every trial of `config`: by head, then by loss, then in the order of the seeds.

    A joint training is a trial of each head, behind the losses. The first round trains every one from its seeds, the
    later ones what the decisions on disk say.

    Args:
        config: of the study.
        through: the last round to return; None: the last one that has been evaluated.
    """
    return [
        trial
        for head, loss in _heads_and_candidates(config)
        for number in range(1, _last(config, head, through) + 1)
        for trial in _of_round(config, number, head, loss)
    ]


def trials_of_round(config: Config, number: int) -> list[Trial]:
    """Return the trials of one round, in the same order."""
    pairs = _heads_and_candidates(config)
    return [trial for head, loss in pairs for trial in _of_round(config, number, head, loss)]


def heads_and_losses(config: Config) -> list[tuple[str, str]]:
    """Return every pair of a head and a loss of `config`, in the order of DVC's stages."""
    return [(head, loss) for head in config.loss.heads for loss in config.losses]


def _heads_and_candidates(config: Config) -> list[tuple[str, str]]:
    return [(head, candidate) for head in config.loss.heads for candidate in config.candidates]


def _last(config: Config, head: str, through: int | None) -> int:
    """Return the number of the last round of `head` to take: rounds follow one another until none trains any more."""
    last = len(config.rounds) if through is None else min(through, len(config.rounds))
    for number in range(2, last + 1):
        evaluated = through is not None or _is_evaluated(number, head)
        if not (evaluated and any(candidate_seeds(config, number, head, one) for one in config.candidates)):
            return number - 1
    return last


def _is_evaluated(number: int, head: str) -> bool:
    """Say whether anything of `head` in the round is; in a later one only joint trainings may be left."""
    folder = EVAL / str(number)
    return (folder / head).is_dir() or any(folder.glob(f"{JOINT}/*/{head}"))


def _of_round(config: Config, number: int, head: str, loss: str) -> Iterator[Trial]:
    seeds = config.rounds[0] if number == 1 else candidate_seeds(config, number, head, loss)
    yield from (Trial(head, loss, seed, number, joint=loss in config.joint.names) for seed in seeds)
