"""What there is to do between `sample` and `compare`: DVC's stages, grouped so that each group needs no other."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loss_study.config import Config
from loss_study.runtime.processes import bound
from loss_study.trial import heads_and_losses

#: DVC in this environment, whatever the search path says.
DVC = (sys.executable, "-m", "dvc")
LOCK_FILE = Path("dvc.lock")


@dataclass(frozen=True)
class Task:
    """Stages that run one after the other; `name` is in every line that they print."""

    name: str
    stages: tuple[str, ...]


def trainings(config: Config) -> list[Task]:
    """Return a task for every head and loss: the search of its learning rate, then the training of all its seeds."""
    return [_training(head, loss, loss in config.loss.combinations) for head, loss in heads_and_losses(config)]


def _training(head: str, loss: str, combination: bool) -> Task:
    kind = "_combination" if combination else ""
    name = f"{head}-{loss}"
    return Task(name, (f"tune{kind}@{name}", f"train{kind}@{name}"))


def evaluations(config: Config) -> list[Task]:
    """Return a task for every head: the evaluation of all its models."""
    return [Task(head, (f"evaluate@{head}",)) for head in config.loss.heads]


def unfinished(tasks: Sequence[Task]) -> list[Task]:
    """Return the tasks with a stage that DVC would run."""
    stages = [stage for task in tasks for stage in task.stages]
    lock = LOCK_FILE.read_text(encoding="utf-8") if LOCK_FILE.exists() else ""
    if not any(f"\n  {stage}:" in lock for stage in stages):
        # Nothing of it has run: no need to ask, which takes seconds.
        return list(tasks)
    command = bound([*DVC, "--wait-for-lock", "status", "--json", *stages])
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    changed = json.loads(answer or "{}")
    return [task for task in tasks if any(stage in changed for stage in task.stages)]
