"""The study round by round, with several trainings at once on one machine: ``loss-study run``, also ``make study``.

DVC runs one stage after the other. The stages of a round need only few of one another, though, and DVC locks what it
writes, so several ``dvc repro --single-item`` run beside each other, each with some of the stages. As soon as a head is
evaluated, the answer so far is printed, and the report and MLflow are brought up to date, beside the next trainings.
"""

from __future__ import annotations

import argparse
import math
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

from loss_study.config import Config, load_config
from loss_study.orchestration.dvc_notes import keep_private
from loss_study.orchestration.progress_view import View, view
from loss_study.orchestration.repair import check_in_project, repair
from loss_study.orchestration.tasks import DVC, Task, decision, evaluations, trainings, unfinished
from loss_study.runtime.errors import StudyError
from loss_study.runtime.locks import locked
from loss_study.runtime.processes import bound, cores, end_with_make
from loss_study.trial import EVAL, Trial

#: More trainings at once than this want more memory than most machines have.
MOST_JOBS = 4
#: Two studies in one folder would remove each other's results.
LOCK = Path(".dvc/tmp/study.lock")
COMMIT = "git add params.yaml dvc.lock rounds reports/metrics.json reports/*.csv && git commit"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``loss-study run``."""
    parser.add_argument("--jobs", type=int, default=0, help="trainings at once; 0 (default): one per core, at most 4")
    help_text = "start no further round after as many minutes; 0 (default): no limit"
    parser.add_argument("--minutes", type=float, default=0.0, help=help_text)


def main(arguments: argparse.Namespace) -> None:
    """Run the study that params.yaml describes."""
    end_with_make()
    keep_private()
    check_in_project()
    with locked(LOCK, "running the study of this folder"):
        run(at_once(arguments.jobs), limit(arguments.minutes))


def at_once(jobs: int) -> int:
    """Return `jobs`, or where that is 0 one for each core, at most `MOST_JOBS`; StudyError for fewer than 0."""
    if jobs < 0:
        raise StudyError(f"--jobs {jobs}: say how many trainings at once, or 0 for one per core")
    return jobs or min(cores(), MOST_JOBS)


def limit(minutes: float) -> float:
    """Return `minutes` in seconds, or where that is 0 infinity; StudyError for fewer than 0."""
    if not minutes >= 0:
        raise StudyError(f"--minutes {minutes:g}: say after how many minutes no round starts, or 0 for no limit")
    return 60 * minutes or math.inf


def run(jobs: int, limit_s: float = math.inf) -> None:
    """Run the study round by round, `jobs` searches, trainings or evaluations at a time.

    Args:
        jobs: how many.
        limit_s: no round but the first starts later than this many seconds from now.

    Raises:
        StudyError: params.yaml is not valid; or some failed: the others of the same round are finished and compared all
            the same.
    """
    deadline = time.monotonic() + limit_s
    config = load_config()
    for sentence in repair():
        print(sentence, flush=True)
    dvc("repro", "inspect", "parent")
    done = _rounds(config, jobs, deadline)
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
    with Comparison() as comparison:
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
            if number > 1 and done.changed:
                comparison.start()
            if todo:
                done.changed = True
                forget(config, number, todo)
            # A joint training is compared on both heads, so no head has an answer before all is evaluated.
            evaluated = (lambda: None) if config.joint.names else comparison.start
            done.failed = run_tasks(in_order(todo, evaluations(config, number)), jobs, evaluated)
    return done


class Comparison:
    """Compares what has been evaluated, in a process beside the block, and prints what it says as it comes."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._wanted = True

    def __enter__(self) -> Comparison:
        """Start nothing yet."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Wait for the comparison that runs, or end it after an exception."""
        if kind is not None:
            self._wanted = False
            if self._process is not None:
                self._process.terminate()
        self._wait()

    def start(self) -> None:
        """Compare; a comparison that still runs ends first."""
        with self._lock:
            self._wait()
            # The process is killed when the thread that starts it ends, and whoever calls this may end sooner.
            self._thread = threading.Thread(target=self._compare, daemon=True)
            self._thread.start()

    def _wait(self) -> None:
        if self._thread is not None:
            self._thread.join()

    def _compare(self) -> None:
        command = bound([sys.executable, "stages/compare.py"])
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            self._process = process
            if not self._wanted:
                process.terminate()
            for line in process.stdout or ():
                if self._wanted:
                    # `print`, because the live view of the trainings takes what is printed and shows it above itself.
                    print(line, end="", flush=True)


def forget(config: Config, number: int, todo: Sequence[Task]) -> None:
    """Remove what is of earlier trainings in the place of `todo`, those of round `number` that are to be done.

    These are their results, and the evaluations of the round and of those after it. DVC keeps them in its cache. The
    report takes the rounds that are there, and for a training that fails it would take the results of the earlier one.
    """
    for task in todo:
        head, loss = task.name.split("-", 1)
        earlier = Trial(head, loss, seed=0, round=number)
        shutil.rmtree(earlier.run_dir.parent, ignore_errors=True)
        if number == 1:
            shutil.rmtree(earlier.tuning_dir, ignore_errors=True)
    for later in range(number, len(config.rounds) + 1):
        shutil.rmtree(EVAL / str(later), ignore_errors=True)


def dvc(*arguments: str) -> None:
    """Run dvc in the foreground; StudyError if it fails, after it has said why itself."""
    if subprocess.run(bound([*DVC, *arguments]), check=False).returncode != 0:
        raise StudyError(f"'dvc {' '.join(arguments)}' failed, see above")


def in_order(trainings: Sequence[Task], evaluations: Sequence[Task]) -> list[Task]:
    """Return all, every evaluation right behind the last of its trainings that is to be done."""
    tasks = list(trainings)
    for evaluation in evaluations:
        places = [place for place, task in enumerate(tasks) if task.stage in evaluation.needs]
        tasks.insert(max(places, default=len(tasks) - 1) + 1, evaluation)
    return tasks


def run_tasks(tasks: Sequence[Task], jobs: int, evaluated: Callable[[], None] = lambda: None) -> list[Task]:
    """Run `tasks`, `jobs` at a time, and return those that failed.

    Args:
        tasks: one that needs others of them waits until these have ended.
        jobs: how many at a time.
        evaluated: is called when such a task has ended and others are left.
    """
    if not tasks:
        return []
    queue = Queue(tasks, jobs)
    with view(tasks) as shown, ThreadPoolExecutor(jobs) as pool:
        try:
            for worker in as_completed([pool.submit(_work, number, queue, shown, evaluated) for number in range(jobs)]):
                worker.result()
        finally:
            queue.stop()
    return [task for task in tasks if task in shown.failed]


class Queue:
    """Hands out tasks to `jobs` workers: many at first, then fewer and fewer, so that all workers end at nearly once.

    A worker's tasks share one DVC process, whose start takes seconds (guided self-scheduling: Polychronopoulos and
    Kuck 1987). A task that needs others goes out alone, first of all as soon as these have ended.
    """

    def __init__(self, tasks: Sequence[Task], jobs: int) -> None:
        self._waiting, self._jobs = list(tasks), jobs
        self._left = {task.stage for task in tasks}
        self._gathering = {task.stage for task in tasks if self._left & set(task.needs)}
        self._running: set[subprocess.Popen[str]] = set()
        self.stopped = False
        self._changed = threading.Condition()

    def take(self) -> list[Task]:
        """Return the next tasks for one worker, none when none is left; waits where what is left needs what runs."""
        with self._changed:
            while self._waiting:
                if taken := self._next():
                    self._waiting = [task for task in self._waiting if task not in taken]
                    return taken
                self._changed.wait()
            return []

    def _next(self) -> list[Task]:
        ready = [task for task in self._waiting if not self._left & set(task.needs)]
        gathering = [task for task in ready if task.stage in self._gathering]
        return gathering[:1] or ready[: -(-len(ready) // (2 * self._jobs))]

    def ended(self, tasks: Sequence[Task]) -> bool:
        """Take note that a worker's tasks have ended; say whether others needed theirs, and some are left."""
        with self._changed:
            self._left -= {task.stage for task in tasks}
            self._changed.notify_all()
            return bool(self._left) and any(task.stage in self._gathering for task in tasks)

    def started(self, process: subprocess.Popen[str]) -> None:
        """Take note of a worker's process, which `stop` ends; after `stop` it is ended at once."""
        with self._changed:
            self._running.add(process)
            if self.stopped:
                process.terminate()

    def stop(self) -> None:
        """Hand out no more, and end what runs."""
        with self._changed:
            self.stopped = True
            self._waiting.clear()
            self._changed.notify_all()
            for process in self._running:
                process.terminate()


def _work(worker: int, queue: Queue, shown: View, evaluated: Callable[[], None]) -> None:
    while tasks := queue.take():
        shown.began(worker, tasks)
        code = _run_in_one_dvc(worker, tasks, queue, shown)
        if not queue.stopped:
            shown.ended(worker, code)
            if queue.ended(tasks):
                evaluated()


def _run_in_one_dvc(worker: int, tasks: Sequence[Task], queue: Queue, shown: View) -> int:
    command = [*DVC, "--wait-for-lock", "repro", "--keep-going", "--single-item"]
    command += [task.stage for task in tasks]
    with subprocess.Popen(bound(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        queue.started(process)
        for line in process.stdout or ():
            shown.said(worker, line.rstrip())
    return process.returncode
