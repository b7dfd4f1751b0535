"""Progress of a transfer whose size may become known late or never: MB of MB, MB/s, time left."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from loss_study.runtime.progress import SECONDS_BETWEEN_LINES, duration

MB = 1e6


class ByteProgress:
    """A live bar on a terminal, a plain line every few seconds in a log; a context manager.

    Args:
        title: what is transferred, such as a file's name.
        total: bytes in all, None if unknown; may be set later.
        done: bytes of an earlier attempt; they do not count into the speed.
    """

    def __init__(self, title: str, total: int | None, done: int = 0) -> None:
        self.total = total
        self._title, self._first, self._done = title, done, done
        self._started = self._last_line = time.monotonic()
        self._bar = _bar() if sys.stdout.isatty() else None
        self._task = self._bar.add_task(title, total=total, completed=done) if self._bar else None

    def __enter__(self) -> ByteProgress:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()
        print(self.line(), flush=True)

    def reach(self, done: int) -> None:
        """Show that `done` bytes are transferred."""
        self._done = done
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, total=self.total)
        elif time.monotonic() - self._last_line >= SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            print(self.line(), flush=True)

    def line(self) -> str:
        """Return a line such as ``bg.zip  12.0 of 80.0 MB  4.0 MB/s  17 s left``."""
        speed = (self._done - self._first) / max(time.monotonic() - self._started, 1e-3)
        of_total = "" if self.total is None else f" of {self.total / MB:.1f}"
        parts = [self._title, f"{self._done / MB:.1f}{of_total} MB", f"{speed / MB:.1f} MB/s"]
        if self.total is not None and speed and self._done < self.total:
            parts.append(f"{duration((self.total - self._done) / speed)} left")
        return "  ".join(parts)


def _bar() -> Progress:
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=Console(), transient=True)
