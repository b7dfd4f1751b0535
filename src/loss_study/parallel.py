"""The study with several trials at once on one machine: ``python -m loss_study.parallel --jobs 2``.

DVC runs one stage after the other. Its stages are independent, though, and it locks what it writes, so several
``dvc repro`` of single trials run beside each other; a last ``dvc repro`` finds them done and compares.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.live import Live
from rich.table import Table

from loss_study import parameters
from loss_study.errors import StudyError, run_stage
from loss_study.trial import heads_and_losses, trials

#: More trials at once than this want more memory than most machines have.
MOST_JOBS = 4


def main() -> None:
    """Parse the number of jobs and run the study."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=0, help="trials at once; 0 (default): one per core, at most 4")
    jobs = parser.parse_args().jobs or min(os.cpu_count() or 1, MOST_JOBS)
    run(jobs)


@dataclass(frozen=True)
class Task:
    """Stages that run one after the other; `name` begins the lines that they print."""

    name: str
    stages: tuple[str, ...]


def run(jobs: int) -> None:
    """Run the whole study, `jobs` searches or trials at a time.

    Raises:
        StudyError: some failed; the others are finished and compared all the same.
    """
    _dvc("repro", "sample")
    study = parameters.load()
    if study.recipe.search.lr:
        searches = [Task(f"{head}-{loss}", (f"tune@{head}-{loss}",)) for head, loss in heads_and_losses(study)]
        failed = _run_tasks(unfinished(searches), jobs)
    else:
        _dvc("repro", "tune")
        failed = []
    everyone = [Task(trial.name, (f"train@{trial.name}", f"evaluate@{trial.name}")) for trial in trials(study)]
    todo = unfinished(everyone)
    failed += _run_tasks(todo, jobs)
    if failed:
        _dvc("repro", "--single-item", "compare")
        raise StudyError(f"failed: {', '.join(task.name for task in failed)}; 'dvc repro' tries again")
    _dvc("repro")
    if not todo:
        _show_ranking()


def unfinished(tasks: Sequence[Task]) -> list[Task]:
    """Return the tasks that have a stage that DVC would run."""
    answer = subprocess.run(["dvc", "status", "--json"], check=True, capture_output=True, text=True).stdout
    changed = json.loads(answer or "{}")
    return [task for task in tasks if any(stage in changed for stage in task.stages)]


def _run_tasks(todo: Sequence[Task], jobs: int) -> list[Task]:
    """Run the tasks and return those that failed."""
    with _view(len(todo)) as view, ThreadPoolExecutor(jobs) as pool:
        codes = pool.map(lambda task: _run_task(task, view), todo)
        return [task for task, code in zip(todo, codes, strict=True) if code != 0]


def _run_task(task: Task, view: View) -> int:
    command = ["dvc", "--wait-for-lock", "repro", "--single-item", *task.stages]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        for line in process.stdout or ():
            view.said(task, line.rstrip())
    view.ended(task, process.returncode)
    return process.returncode


class View:
    """What all running tasks say: a live line for each on a terminal, plain lines in a log."""

    def __init__(self, total: int, live: Live | None) -> None:
        self._total = total
        self._done = 0
        self._live = live
        self._latest: dict[Task, str] = {}
        self._log: dict[Task, list[str]] = {}
        self._lock = threading.Lock()

    def said(self, task: Task, line: str) -> None:
        """Show a line of the task's output; DVC's own lines are kept for the case that it fails."""
        with self._lock:
            self._log.setdefault(task, []).append(line)
            if task.name not in line or line.startswith((">", "Running stage")):
                return
            self._latest[task] = line
            if self._live is None:
                print(line, flush=True)
            self._refresh()

    def ended(self, task: Task, code: int) -> None:
        """Count the task as done and say how it ended; a failed one shows all its output."""
        with self._lock:
            self._done += 1
            line = self._latest.pop(task, task.name) if code == 0 else "\n".join(self._log[task])
            if self._live is not None:
                self._live.console.print(line, highlight=False, markup=False)
            elif code != 0:
                print(line, flush=True)
            self._refresh()

    def _refresh(self) -> None:
        if self._live is None:
            return
        table = Table.grid()
        for line in self._latest.values():
            table.add_row(line)
        table.add_row(f"{self._done} of {self._total} done")
        self._live.update(table)


@contextmanager
def _view(total: int) -> Iterator[View]:
    if not sys.stdout.isatty():
        yield View(total, None)
        return
    with Live(console=Console()) as live:
        yield View(total, live)


def _show_ranking() -> None:
    """Print the ranking that is there: with nothing to do, `compare` does not print it."""
    subprocess.run([sys.executable, "-m", "loss_study.report.terminal"], check=True)


def _dvc(*arguments: str) -> None:
    """Run dvc in the foreground; StudyError if it fails, after it has said why itself."""
    if subprocess.run(["dvc", *arguments], check=False).returncode != 0:
        raise StudyError(f"'dvc {' '.join(arguments)}' failed, see above")


if __name__ == "__main__":
    run_stage(main)
