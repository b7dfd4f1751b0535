"""The study with several trainings at once on one machine: ``loss-study run --jobs 2``, which ``make study`` calls.

DVC runs one stage after the other. The stages between `sample` and `compare` need only few of one another, though, and
DVC locks what it writes, so several ``dvc repro --single-item`` run beside each other, each with some of the stages.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from loss_study.config import load_config
from loss_study.orchestration.progress_view import View, view
from loss_study.orchestration.repair import repair
from loss_study.orchestration.tasks import DVC, Task, evaluations, trainings, unfinished
from loss_study.report import terminal
from loss_study.runtime.errors import StudyError
from loss_study.runtime.processes import bound, end_with_make

#: More trainings at once than this want more memory than most machines have.
MOST_JOBS = 4
COMMIT = "git add params.yaml dvc.lock reports/metrics.json reports/*.csv && git commit"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``loss-study run``."""
    parser.add_argument("--jobs", type=int, default=0, help="trainings at once; 0 (default): one per core, at most 4")


def main(arguments: argparse.Namespace) -> None:
    """Run the study that params.yaml describes."""
    end_with_make()
    run(arguments.jobs or min(os.cpu_count() or 1, MOST_JOBS))


def run(jobs: int) -> None:
    """Run the whole study, `jobs` searches, trainings or evaluations at a time.

    Raises:
        StudyError: some failed; the others are finished and compared all the same.
    """
    for sentence in repair():
        print(sentence, flush=True)
    dvc("repro", "sample")
    config = load_config()
    todo = unfinished(trainings(config))
    failed = run_tasks(todo, jobs)
    failed += run_tasks(evaluations(config), jobs)
    dvc("repro", "--single-item", "compare")
    if failed:
        raise StudyError(f"failed: {', '.join(task.name for task in failed)}; the same command tries again")
    if not todo:
        # Without anything to do, `compare` has not printed the ranking.
        terminal.show_again()
    print(f"to keep this study in git: {COMMIT}", flush=True)


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
        """Take note of a worker's process, which `stop` ends."""
        with self._lock:
            self._running.add(process)

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
    command += [stage for task in tasks for stage in task.stages]
    with subprocess.Popen(bound(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        queue.started(process)
        for line in process.stdout or ():
            shown.said(worker, line.rstrip())
    return process.returncode
