"""Packing jobs in several processes, this one among them."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

from loss_study.runtime.errors import StudyError
from loss_study.runtime.memory import keep_freed_memory
from loss_study.runtime.processes import end_with_pool
from loss_study.runtime.progress import reporting
from loss_study.sampling.packer import Job, Packer, Summary

#: Worker processes take about a second to start: shorter work is done without them.
SECONDS_WORTH_A_POOL = 3.0


def run(packer: Packer, jobs: Sequence[Job], workers: int) -> list[Summary]:
    """Do `jobs` in at most `workers` processes and return the summaries of the images, by row.

    Raises:
        StudyError: what `Packer.run` raises, or a worker process that was killed.
    """
    summaries: dict[int, Summary] = {}
    with reporting("sample", sum(map(len, jobs))) as progress:
        for job, result in _results(packer, jobs, workers):
            summaries |= zip(job.images, result, strict=True)
            progress.advance(len(job), "images")
    return [summaries[row] for row in sorted(summaries)]


def _results(packer: Packer, jobs: Sequence[Job], workers: int) -> Iterator[tuple[Job, list[Summary]]]:
    """Yield every job with its result; the time of the first one decides whether more processes are worth it."""
    started = time.monotonic()
    yield jobs[0], packer.run(jobs[0])
    rest = jobs[1:]
    if workers > 1 and (time.monotonic() - started) * len(rest) >= SECONDS_WORTH_A_POOL:
        yield from _in_pool(packer, rest, workers)
    else:
        yield from ((job, packer.run(job)) for job in rest)


def _in_pool(packer: Packer, jobs: Sequence[Job], workers: int) -> Iterator[tuple[Job, list[Summary]]]:
    """Yield every job with its result, in the order of completion. This process works too, from the last job on."""
    context = get_context("spawn")
    with ProcessPoolExecutor(min(workers - 1, len(jobs)), context, _start_worker, (packer,)) as pool:
        waiting = {pool.submit(_run_in_worker, job): job for job in jobs}
        try:
            for future, job in reversed(list(waiting.items())):
                if future.cancel():
                    del waiting[future]
                    yield job, packer.run(job)
                for done in [one for one in waiting if one.done()]:
                    yield waiting.pop(done), done.result()
            for future in as_completed(list(waiting)):
                yield waiting[future], future.result()
        except BrokenProcessPool:
            raise StudyError("sample: a worker process was killed, perhaps for lack of memory; try again") from None
        finally:
            for future in waiting:
                future.cancel()


_worker: list[Packer] = []


def _start_worker(packer: Packer) -> None:
    end_with_pool()
    keep_freed_memory()
    # Ctrl-C reaches every process, and the parent process handles it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _worker[:] = [packer]


def _run_in_worker(job: Job) -> list[Summary]:
    return _worker[0].run(job)
