"""The study round by round, with several trainings at once on one machine: ``loss-study run``, also ``make study``.

DVC runs one stage after the other. The stages of a round need only few of one another, though, and DVC locks what it
writes, so several ``dvc repro --single-item`` run beside each other, each with some of the stages. While a later round
trains, the answer so far is printed, and the report and MLflow are brought up to date.
"""

from __future__ import annotations

import argparse
import math
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from loss_study.config import Config, load_config
from loss_study.orchestration.dvc_notes import keep_private
from loss_study.orchestration.progress_view import View, view
from loss_study.orchestration.repair import repair
from loss_study.orchestration.tasks import DVC, Task, decision, evaluations, trainings, unfinished
from loss_study.runtime.errors import StudyError
from loss_study.runtime.locks import locked
from loss_study.runtime.processes import bound, end_with_make
from loss_study.trial import EVAL

#: More trainings at once than this want more memory than most machines have.
MOST_JOBS = 4
#: Two studies in one folder would remove each other's results.
LOCK = Path(".dvc/tmp/study.lock")
COMMIT = "git add params.yaml dvc.lock rounds/dvc.lock reports/metrics.json reports/*.csv && git commit"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``loss-study run``."""
    parser.add_argument("--jobs", type=int, default=0, help="trainings at once; 0 (default): one per core, at most 4")
    help_text = "start no further round after as many minutes; 0 (default): no limit"
    parser.add_argument("--minutes", type=float, default=0.0, help=help_text)


def main(arguments: argparse.Namespace) -> None:
    """Run the study that params.yaml describes."""
    end_with_make()
    keep_private()
    limit_s = 60 * arguments.minutes if arguments.minutes > 0 else math.inf
    with locked(LOCK, "running the study of this folder"):
        run(at_once(arguments.jobs), limit_s)


def at_once(jobs: int) -> int:
    """Return `jobs`, or where that is 0 one for each core, at most `MOST_JOBS`."""
    return jobs or min(os.cpu_count() or 1, MOST_JOBS)


def run(jobs: int, limit_s: float = math.inf) -> None:
    """Run the study round by round, `jobs` searches, trainings or evaluations at a time.

    Args:
        jobs: how many.
        limit_s: no round but the first starts later than this many seconds from now.

    Raises:
        StudyError: some failed; the others of the same round are finished and compared all the same.
    """
    deadline = time.monotonic() + limit_s
    for sentence in repair():
        print(sentence, flush=True)
    dvc("repro", "inspect", "parent")
    done = _rounds(load_config(), jobs, deadline)
    dvc("repro", "--single-item", "compare")
    if done.failed:
        raise StudyError(f"failed: {', '.join(task.name for task in done.failed)}; the same command tries again")
    if not done.changed:
        # Without anything to do, `compare` has not printed the answer.
        subprocess.run(bound([sys.executable, "-m", "loss_study", "show"]), check=False)
    if done.left_out:
        print(f"{limit_s / 60:g} minutes are over: no round {done.left_out}; the same command goes on", flush=True)
    print(f"to keep this study in git: {COMMIT}", flush=True)


@dataclass
class _Done:
    """Whether anything was trained, which tasks failed, and the round that was not started for lack of time, or 0."""

    changed: bool = False
    failed: list[Task] = field(default_factory=list)
    left_out: int = 0


def _rounds(config: Config, jobs: int, deadline: float) -> _Done:
    """Run one round after the other: to the decision, to the last one, or until a task fails or the time is over."""
    done = _Done()
    for number in range(1, len(config.rounds) + 1):
        if done.failed:
            break
        if number > 1:
            dvc("repro", "--single-item", decision(number))
        tasks = trainings(config, number)
        todo = unfinished(tasks)
        if number > 1 and todo and time.monotonic() > deadline:
            done.left_out = number
        if done.left_out or not tasks:
            break
        compared = number > 1 and done.changed
        if todo:
            done.changed = True
            _forget(config, number)
        with _compared_meanwhile() if compared else nullcontext():
            done.failed = run_tasks(todo, jobs)
        done.failed += run_tasks(evaluations(config, number), jobs)
    return done


@contextmanager
def _compared_meanwhile() -> Iterator[None]:
    """Compare what has been evaluated, in a process beside the block, and print what it says as soon as it ends."""
    command = bound([sys.executable, "stages/compare.py"])
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        # `print`, because the live view of the trainings takes what is printed and shows it above itself.
        printer = threading.Thread(target=lambda: print(process.communicate()[0], end="", flush=True), daemon=True)
        printer.start()
        try:
            yield
        except BaseException:
            process.terminate()
            raise
        printer.join()


def _forget(config: Config, first: int) -> None:
    """Remove the evaluations of round `first` and of those after it: they are of trials that will be trained again.

    DVC keeps them in its cache. The report between two rounds takes the rounds that are there.
    """
    for number in range(first, len(config.rounds) + 1):
        shutil.rmtree(EVAL / str(number), ignore_errors=True)


def dvc(*arguments: str) -> None:
    """Run dvc in the foreground; StudyError if it fails, after it has said why itself."""
    if subprocess.run(bound([*DVC, *arguments]), check=False).returncode != 0:
        raise StudyError(f"'dvc {' '.join(arguments)}' failed, see above")


def run_tasks(tasks: Sequence[Task], jobs: int) -> list[Task]:
    """Run `tasks`, `jobs` at a time, and return those that failed."""
    if not tasks:
        return []
    queue = Queue(tasks, jobs)
    with view(tasks) as shown, ThreadPoolExecutor(jobs) as pool:
        try:
            for worker in as_completed([pool.submit(_work, number, queue, shown) for number in range(jobs)]):
                worker.result()
        finally:
            queue.stop()
    return [task for task in tasks if task in shown.failed]


class Queue:
    """Hands out tasks to `jobs` workers: many at first, then fewer and fewer, so that all workers end at nearly once.

    A worker's tasks share one DVC process, whose start takes seconds (guided self-scheduling: Polychronopoulos and
    Kuck 1987).
    """

    def __init__(self, tasks: Sequence[Task], jobs: int) -> None:
        self._waiting, self._jobs = list(tasks), jobs
        self._running: set[subprocess.Popen[str]] = set()
        self.stopped = False
        self._lock = threading.Lock()

    def take(self) -> list[Task]:
        """Return the next tasks for one worker, none when none is left."""
        with self._lock:
            count = -(-len(self._waiting) // (2 * self._jobs))
            taken, self._waiting = self._waiting[:count], self._waiting[count:]
            return taken

    def started(self, process: subprocess.Popen[str]) -> None:
        """Take note of a worker's process, which `stop` ends; after `stop` it is ended at once."""
        with self._lock:
            self._running.add(process)
            if self.stopped:
                process.terminate()

    def stop(self) -> None:
        """Hand out no more, and end what runs."""
        with self._lock:
            self.stopped = True
            self._waiting.clear()
            for process in self._running:
                process.terminate()


def _work(worker: int, queue: Queue, shown: View) -> None:
    while tasks := queue.take():
        shown.began(worker, tasks)
        code = _run_in_one_dvc(worker, tasks, queue, shown)
        if not queue.stopped:
            shown.ended(worker, code)


def _run_in_one_dvc(worker: int, tasks: Sequence[Task], queue: Queue, shown: View) -> int:
    command = [*DVC, "--wait-for-lock", "repro", "--keep-going", "--single-item"]
    command += [task.stage for task in tasks]
    with subprocess.Popen(bound(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        queue.started(process)
        for line in process.stdout or ():
            shown.said(worker, line.rstrip())
    return process.returncode
