"""What there is to do in a round, between `parent` and `compare`: DVC's stages, in groups that need no other."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from loss_study.config import Config
from loss_study.runtime.processes import bound
from loss_study.trial import LATER_ROUNDS, decided_seeds, heads_and_losses, stage_of, training_stage

#: DVC in this environment, whatever the search path says.
DVC = (sys.executable, "-m", "dvc")
#: What DVC has run, of the first round and of the later ones.
LOCK_FILES = (Path("dvc.lock"), Path("rounds/dvc.lock"))


@dataclass(frozen=True)
class Task:
    """Stages that run one after the other; `name` is in every line that they print.

    `needs` are the stages whose outputs they read, beside the packed sample.
    """

    name: str
    stages: tuple[str, ...]
    needs: tuple[str, ...] = field(default=(), compare=False)


def parent(head: str) -> str:
    """Return the stage that trains the network from which all losses of `head` continue, if the recipe has one."""
    return f"parent@{head}"


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
    return [_training(config, number, head, loss) for head, loss in pairs]


def _training(config: Config, number: int, head: str, loss: str) -> Task:
    kind = config.kind_of(loss)
    name = f"{head}-{loss}"
    first = (f"{stage_of('tune', kind)}@{name}", training_stage(head, loss, 1, kind))
    if number == 1:
        return Task(name, first, (parent(head),))
    later = training_stage(head, loss, number, kind)
    return Task(name, (later,), (decision(number), parent(head), *first))


def evaluations(config: Config, number: int) -> list[Task]:
    """Return a task for every head that trains in round `number`: the evaluation of the models that this round adds."""
    if number == 1:
        return [Task(head, (f"evaluate@{head}",)) for head in config.loss.heads]
    heads = [head for head in config.loss.heads if any(decided_seeds(number, head, loss) for loss in config.losses)]
    return [Task(head, (f"{LATER_ROUNDS}:evaluate@{number}-{head}",)) for head in heads]


def unfinished(tasks: Sequence[Task]) -> list[Task]:
    """Return the tasks with a stage that DVC would run."""
    stages = [stage for task in tasks for stage in task.stages]
    known = [stage.removeprefix(f"{LATER_ROUNDS}:") for stage in stages]
    lock = "".join(path.read_text(encoding="utf-8") for path in LOCK_FILES if path.exists())
    if not any(f"\n  {stage}:" in lock for stage in known):
        # Nothing of it has run: no need to ask, which takes seconds.
        return list(tasks)
    command = bound([*DVC, "--wait-for-lock", "status", "--json", *stages])
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    changed = json.loads(answer or "{}")
    return [task for task in tasks if any(stage in changed for stage in task.stages)]
