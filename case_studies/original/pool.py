"""Many trainings, several at once, each in a process of its own: what the commands of train.py and answers.py share."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

from loss_study.orchestration.local import at_once
from loss_study.runtime.errors import StudyError
from loss_study.runtime.files import write_csv
from loss_study.runtime.processes import end_with_pool
from loss_study.runtime.progress import reporting

Row = dict[str, Any]
T = TypeVar("T")


def train_all(
    left: Sequence[T],
    make: Callable[[T], Row],
    path: Path,
    rows: Sequence[Row],
    names: Sequence[str],
    description: str | None,
) -> None:
    """Add a row for each of `left` to those in `path`, as long as the minutes on the command line last.

    Args:
        left: the trainings without a row; rows are added in this order, whichever ends first.
        make: trains one and returns its row; it is pickled.
        path: of the results, written after each training.
        rows: those that are there.
        names: of the columns.
        description: of the command.

    Raises:
        StudyError: what `make` raises, or a training's process was killed.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no training after so many")
    parser.add_argument("--jobs", type=int, default=0, help="trainings at once; 0 (default): one per core, at most 4")
    arguments = parser.parse_args()
    path.parent.mkdir(parents=True, exist_ok=True)
    print(f"{path}: {len(rows)} of {len(rows) + len(left)} trainings are there", flush=True)
    made: dict[T, Row] = {}
    with reporting("original", len(left)) as progress:
        for one, row in _made(left, make, at_once(arguments.jobs), time.monotonic() + 60 * arguments.minutes):
            made[one] = row
            write_csv(path, [*rows, *(made[each] for each in left if each in made)], names)
            progress.advance(1, "trainings")


def _made(left: Sequence[T], make: Callable[[T], Row], jobs: int, end: float) -> Iterator[tuple[T, Row]]:
    """Yield each of `left` with its row as it comes; none begins after `end` of the monotonic clock."""
    waiting = iter(left)
    running: dict[Future[Row], T] = {}
    with ProcessPoolExecutor(jobs, get_context("spawn"), _start_worker) as pool:
        while True:
            while len(running) < jobs and time.monotonic() < end:
                if (one := next(waiting, None)) is None:
                    break
                running[pool.submit(make, one)] = one
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                try:
                    yield running.pop(future), future.result()
                except BrokenProcessPool:
                    sentence = "a training was killed, perhaps for lack of memory; the same command goes on"
                    raise StudyError(sentence) from None


def _start_worker() -> None:
    end_with_pool()
    # Ctrl-C reaches every process: a training ends at once and in silence, the parent process says so.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # The epochs of several trainings at once would hide the progress of all.
    sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
