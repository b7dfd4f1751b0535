"""Progress of long work: a live bar on a terminal, plain lines in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

#: In a log, a line at most this often.
SECONDS_BETWEEN_LINES = 5.0


class Reporter:
    """Told how far the work is; `note` says a line that stays."""

    def __init__(self, title: str, total: int, bar: Progress | None) -> None:
        self.title = title
        self.total = total
        self.done = 0
        self._bar = bar
        self._task = bar.add_task(title, total=total, detail="") if bar else None
        self._started = self._last_line = time.monotonic()

    def advance(self, steps: int = 1, detail: str = "") -> None:
        """Count `steps` more of the total; `detail` is shown behind the bar."""
        self.done += steps
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=self.done, detail=detail)
        elif time.monotonic() - self._last_line >= SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            self.note(f"{self.done} of {self.total}  {detail}  {self._time_left()}")

    def note(self, line: str) -> None:
        """Print a line above the bar, or into the log."""
        if self._bar is not None:
            self._bar.console.print(f"{self.title}  {line}", highlight=False, markup=False)
        else:
            print(f"{self.title}  {line}", flush=True)

    def _time_left(self) -> str:
        if not self.done:
            return ""
        left = (time.monotonic() - self._started) / self.done * (self.total - self.done)
        return f"{duration(left)} left"


@contextmanager
def reporting(title: str, total: int) -> Iterator[Reporter]:
    """Yield a `Reporter` for `total` steps of work called `title`."""
    if not sys.stdout.isatty():
        yield Reporter(title, total, None)
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[detail]}", markup=False),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(), transient=True) as bar:
        yield Reporter(title, total, bar)


def duration(seconds: float) -> str:
    """Return ``12 s``, ``3 min 05 s`` or ``2 h 10 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
