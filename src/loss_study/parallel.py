"""The study with several trials at once on one machine: ``python -m loss_study.parallel --jobs 2``.

DVC runs one stage after the other. Its stages are independent, though, and it locks what it writes, so several
``dvc repro`` of single trials run beside each other, and `compare` after them. Warm servers spare each of them the
imports of DVC, and each stage those of torch.
"""

from __future__ import annotations

from loss_study.runtime.processes import bound, signals_end_at_once

if __name__ == "__main__":
    signals_end_at_once()  # The imports below take a moment, in which Ctrl-C shall not end in a traceback either.

import argparse
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.table import Table

from loss_study.config import Config, load_config
from loss_study.recovery import recover
from loss_study.runtime.errors import StudyError, run_stage
from loss_study.trial import heads_and_losses, trials
from loss_study.warm.offer import Servers

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
    """Stages that run one after the other, once the task `after` has ended; `name` begins the lines that they print."""

    name: str
    stages: tuple[str, ...]
    after: Task | None = None


def run(jobs: int) -> None:
    """Run the whole study, `jobs` searches or trials at a time.

    Raises:
        StudyError: some failed; the others are finished and compared all the same.
    """
    for sentence in recover():
        print(sentence, flush=True)
    with Servers() as servers:
        servers.start("dvc")
        servers.start("torch")
        _dvc("repro", "sample")
        todo = unfinished(tasks(load_config()))
        failed = _run_tasks(todo, jobs, when_idle=lambda: servers.start("mlflow", within="torch"))
        # All else is done; a plain `dvc repro` would look at every stage once more.
        _dvc("repro", "--single-item", "compare")
    if failed:
        raise StudyError(f"failed: {', '.join(task.name for task in failed)}; 'dvc repro' tries again")
    if not todo:
        _show_ranking()


def tasks(study: Config) -> list[Task]:
    """Return what there is to do between sample and compare: searches, where there are any, then the trials.

    Every trial waits for its search.
    """
    names = {pair: "-".join(pair) for pair in heads_and_losses(study)} if study.recipe.search.lr else {}
    searches = {pair: Task(name, (f"tune@{name}",)) for pair, name in names.items()}
    return [
        *searches.values(),
        *(
            Task(trial.name, (f"train@{trial.name}", f"evaluate@{trial.name}"), searches.get((trial.head, trial.loss)))
            for trial in trials(study)
        ),
    ]


def unfinished(everything: Sequence[Task]) -> list[Task]:
    """Return the tasks that have a stage that DVC would run; all of them where DVC has run none yet."""
    lock = Path("dvc.lock").read_text(encoding="utf-8")
    if not any(f"\n  {stage}:" in lock for task in everything for stage in task.stages):
        return list(everything)
    answer = subprocess.run(_command("status", "--json"), check=True, stdout=subprocess.PIPE, text=True).stdout
    changed = json.loads(answer or "{}")
    return [task for task in everything if any(stage in changed for stage in task.stages)]


def _run_tasks(todo: Sequence[Task], jobs: int, when_idle: Callable[[], None]) -> list[Task]:
    """Run the tasks and return those that failed; `when_idle` is called when a job finds nothing left to do."""
    if not todo:
        return []
    queue = Queue(todo)
    with _view(len(todo)) as view, ThreadPoolExecutor(jobs) as pool:
        try:
            for worker in as_completed([pool.submit(_work, queue, view) for _ in range(jobs)]):
                worker.result()
                when_idle()
        finally:
            queue.stop()
    return queue.failed


def _work(queue: Queue, view: View) -> None:
    while (task := queue.take()) is not None:
        code = _run_task(task, queue, view)
        view.ended(task, code)
        queue.ended(task, code)


def _run_task(task: Task, queue: Queue, view: View) -> int:
    command = _command("--wait-for-lock", "repro", "--single-item", *task.stages)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        queue.started(task, process)
        for line in process.stdout or ():
            view.said(task, line.rstrip())
    return process.returncode


class Queue:
    """Tasks for several threads, in order, each only after the one that it waits for; keeps those that failed."""

    def __init__(self, todo: Sequence[Task]) -> None:
        self.failed: list[Task] = []
        self._waiting = list(todo)
        self._unended = set(todo)
        self._stopped = False
        self._running: dict[Task, subprocess.Popen[str]] = {}
        self._changed = threading.Condition()

    def take(self) -> Task | None:
        """Return the next task, waiting for one if need be; None when none is left."""
        with self._changed:
            while self._waiting:
                for task in self._waiting:
                    if task.after not in self._unended:
                        self._waiting.remove(task)
                        return task
                self._changed.wait()
            return None

    def started(self, task: Task, process: subprocess.Popen[str]) -> None:
        """Take note of the process that runs `task`."""
        with self._changed:
            self._running[task] = process
            if self._stopped:
                process.terminate()

    def ended(self, task: Task, code: int) -> None:
        """Count `task` as ended; what waits for it may run, which says on its own what it lacks if the task failed."""
        with self._changed:
            self._unended.remove(task)
            self._running.pop(task, None)
            if code != 0:
                self.failed.append(task)
            self._changed.notify_all()

    def stop(self) -> None:
        """Give out no more tasks, and end those that run."""
        with self._changed:
            self._stopped = True
            self._waiting.clear()
            for process in self._running.values():
                process.terminate()
            self._changed.notify_all()


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
            line = self._latest.pop(task, "") if code == 0 else "\n".join(self._log.get(task, [task.name]))
            if self._live is not None and line:
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
    if subprocess.run(_command(*arguments), check=False).returncode != 0:
        raise StudyError(f"'dvc {' '.join(arguments)}' failed, see above")


def _command(*arguments: str) -> list[str]:
    return bound([sys.executable, "-m", "loss_study.warm", "--with", "dvc", "-m", "dvc", *arguments])


if __name__ == "__main__":
    run_stage(main)
