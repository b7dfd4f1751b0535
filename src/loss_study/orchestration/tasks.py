"""What there is to do in a round, between `parent` and `compare`: DVC's stages, in groups that need no other."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from loss_study.config import Config
from loss_study.heads import JOINT
from loss_study.runtime.errors import StudyError
from loss_study.runtime.processes import bound
from loss_study.trial import (
    LATER_ROUNDS,
    decided_seeds,
    heads_and_losses,
    training_stage,
)

#: DVC in this environment, whatever the search path says.
DVC = (sys.executable, "-m", "dvc")
#: What DVC has run, of the first round and of the later ones.
LOCK_FILES = (Path("dvc.lock"), Path("rounds/dvc.lock"))


@dataclass(frozen=True)
class Task:
    """One of DVC's stages; `name` is in every line that it prints.

    `needs` are the stages whose outputs it reads, beside the packed sample; for an evaluation the trainings of its
    round.
    """

    name: str
    stage: str
    needs: tuple[str, ...] = field(default=(), compare=False)


def parent(head: str) -> str:
    """Return the stage that trains the network from which all losses of `head` continue, if the recipe has one."""
    return f"parent@{head}"


def decision(number: int) -> str:
    """Return the stage that decides which losses train in round `number`, from 2."""
    return f"{LATER_ROUNDS}:decide@{number}"


def pairs_to_train(config: Config) -> list[tuple[str, str]]:
    """Return every head with each of its losses, then ``JOINT`` with each joint training."""
    return [*heads_and_losses(config), *((JOINT, name) for name in config.joint.names)]


def trainings(config: Config, number: int) -> list[Task]:
    """Return a task for every head and loss, and every joint training, that trains in round `number`."""
    pairs = pairs_to_train(config)
    if number > 1:
        pairs = [(head, loss) for head, loss in pairs if decided_seeds(number, head, loss)]
    return [_training(config, number, head, loss) for head, loss in pairs]


def _training(config: Config, number: int, head: str, loss: str) -> Task:
    kind, name = config.kind_of(loss), f"{head}-{loss}"
    first = training_stage(head, loss, 1, kind)
    # Beside what it reads itself: the parent of its head, which a joint training does not have.
    needs = () if head == JOINT else (parent(head),)
    if number == 1:
        return Task(name, first, needs)
    return Task(name, training_stage(head, loss, number, kind), (decision(number), *needs, first))


def evaluations(config: Config, number: int) -> list[Task]:
    """Return the evaluations of the models that round `number` adds: a task for every head and every joint training."""
    of_heads = [(head, "evaluate", head, config.losses) for head in config.loss.heads]
    of_networks = [(name, "evaluate_joint", JOINT, (name,)) for name in config.joint.names]
    stages = {task.name: task.stage for task in trainings(config, number)}
    tasks = []
    for name, kind, head, losses in [*of_heads, *of_networks]:
        trained = [stages.get(f"{head}-{loss}") for loss in losses]
        if needs := tuple(stage for stage in trained if stage):
            stage = f"{kind}@{name}" if number == 1 else f"{LATER_ROUNDS}:{kind}@{number}-{name}"
            tasks.append(Task(name, stage, needs))
    return tasks


def unfinished(tasks: Sequence[Task]) -> list[Task]:
    """Return the tasks whose stage DVC would run."""
    stages = [task.stage for task in tasks]
    known = [stage.removeprefix(f"{LATER_ROUNDS}:") for stage in stages]
    lock = "".join(path.read_text(encoding="utf-8") for path in LOCK_FILES if path.exists())
    if not any(f"\n  {stage}:" in lock for stage in known):
        # Nothing of it has run: no need to ask, which takes seconds.
        return list(tasks)
    command = bound([*DVC, "--wait-for-lock", "status", "--json", *stages])
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise StudyError("'dvc status' failed, see above")
    changed = json.loads(done.stdout or "{}")
    return [task for task in tasks if task.stage in changed]
