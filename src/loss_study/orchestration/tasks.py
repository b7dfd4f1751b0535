"""What there is to do in a round, between `sample` and `compare`: DVC's stages, in groups that need no other."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loss_study.config import Config
from loss_study.runtime.processes import bound
from loss_study.trial import LATER_ROUNDS, decided_seeds, heads_and_losses, training_stage

#: DVC in this environment, whatever the search path says.
DVC = (sys.executable, "-m", "dvc")
#: What DVC has run, of the first round and of the later ones.
LOCK_FILES = (Path("dvc.lock"), Path("rounds/dvc.lock"))


@dataclass(frozen=True)
class Task:
    """Stages that run one after the other; `name` is in every line that they print."""

    name: str
    stages: tuple[str, ...]


def decision(number: int) -> str:
    """Return the stage that decides which losses train in round `number`, from 2."""
    return f"{LATER_ROUNDS}:decide@{number}"


def trainings(config: Config, number: int) -> list[Task]:
    """Return a task for every head and loss that trains in round `number`.

    In the first round it is the search of a learning rate, then the training from all seeds.
    """
    pairs = heads_and_losses(config)
    if number > 1:
        pairs = [(head, loss) for head, loss in pairs if decided_seeds(number, head, loss)]
    return [Task(f"{head}-{loss}", _training(config, number, head, loss)) for head, loss in pairs]


def _training(config: Config, number: int, head: str, loss: str) -> tuple[str, ...]:
    combination = loss in config.loss.combinations
    training = training_stage(head, loss, number, combination=combination)
    if number > 1:
        return (training,)
    return f"tune{'_combination' if combination else ''}@{head}-{loss}", training


def evaluations(config: Config, number: int) -> list[Task]:
    """Return a task for every head that trains in round `number`: the evaluation of the models that this round adds."""
    if number == 1:
        return [Task(head, (f"evaluate@{head}",)) for head in config.loss.heads]
    heads = [head for head in config.loss.heads if any(decided_seeds(number, head, loss) for loss in config.losses)]
    return [Task(head, (f"{LATER_ROUNDS}:evaluate@{number}-{head}",)) for head in heads]


def unfinished(tasks: Sequence[Task]) -> list[Task]:
    """Return the tasks with a stage that DVC would run."""
    stages = [stage for task in tasks for stage in task.stages]
    lock = "".join(path.read_text(encoding="utf-8") for path in LOCK_FILES if path.exists())
    if not any(f"\n  {stage.removeprefix(f"{LATER_ROUNDS}:")}:" in lock for stage in stages):
        # Nothing of it has run: no need to ask, which takes seconds.
        return list(tasks)
    command = bound([*DVC, "--wait-for-lock", "status", "--json", *stages])
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    changed = json.loads(answer or "{}")
    return [task for task in tasks if any(stage in changed for stage in task.stages)]
