"""What several workers say at once: a live line for each on a terminal, plain lines in a log."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from loss_study.orchestration.tasks import Task

_STARTED = "Running stage '"
_FAILED = re.compile(r"^ERROR: failed to reproduce (.+)$")
#: What DVC says of a stage as soon as its command has failed.
_BROKEN = "WARNING: failed to run: "
#: Whatever else it warns of, such as what keeps it from running a stage.
_WARNING = "WARNING: "
#: How DVC's own lines begin that may name a stage.
_DVC = (">", _STARTED, "Stage '", "ERROR", "WARNING", "Updating")


class View:
    """Shows the latest line of every worker, and all that a stage said once it has failed."""

    def __init__(self, tasks: Sequence[Task], live: Live | None) -> None:
        self.failed: list[Task] = []
        self._task_of = {task.stage: task for task in tasks}
        self._total, self._done = len(tasks), 0
        self._live = live
        self._given: dict[Hashable, Sequence[Task]] = {}
        self._log: dict[Hashable, list[str]] = {}
        self._latest: dict[Hashable, str] = {}
        self._lock = threading.Lock()

    def began(self, worker: Hashable, tasks: Sequence[Task]) -> None:
        """Take note that `worker`, a DVC process, was given `tasks`."""
        with self._lock:
            self._given[worker], self._log[worker] = tasks, []

    def said(self, worker: Hashable, line: str) -> None:
        """Take a line of the worker's output."""
        with self._lock:
            if line.startswith(_STARTED):
                self._log[worker] = []
            self._log[worker].append(line)
            if line.startswith(_BROKEN):
                self._print(self._log[worker])
            elif line.startswith(_WARNING):
                self._print([line])
            elif failed := _FAILED.match(line):
                self._fail(re.findall(r"'(.+?)'", failed[1]))
            elif self._is_news(worker, line):
                self._latest[worker] = line
                if self._live is None:
                    print(line, flush=True)
            self._refresh()

    def ended(self, worker: Hashable, code: int) -> None:
        """Count the worker's tasks as done; after an exit code that no stage explains, as failed."""
        with self._lock:
            tasks = self._given[worker]
            if code and not any(task in self.failed for task in tasks):
                self._print(self._log[worker] or [f"{tasks[0].name}  ended with exit code {code}"])
                self.failed += tasks
            self._done += len(tasks)
            self._latest.pop(worker, None)
            self._refresh()

    def _is_news(self, worker: Hashable, line: str) -> bool:
        return not line.startswith(_DVC) and any(task.name in line for task in self._given[worker])

    def _fail(self, stages: Sequence[str]) -> None:
        tasks = dict.fromkeys(self._task_of[stage] for stage in stages if stage in self._task_of)
        self.failed += [task for task in tasks if task not in self.failed]

    def _print(self, lines: Sequence[str]) -> None:
        text = "\n".join(lines)
        if self._live is None:
            print(text, flush=True)
        else:
            self._live.console.print(text, highlight=False, markup=False)

    def _refresh(self) -> None:
        if self._live is None:
            return
        table = Table.grid()
        for line in self._latest.values():
            # Text, because rich takes brackets for its own commands.
            table.add_row(Text(line))
        table.add_row(f"{self._done} of {self._total} done")
        self._live.update(table)


@contextmanager
def view(tasks: Sequence[Task]) -> Iterator[View]:
    """Yield a `View` of `tasks`, live where the output is a terminal."""
    if not sys.stdout.isatty():
        yield View(tasks, None)
        return
    with Live(console=Console()) as live:
        yield View(tasks, live)
