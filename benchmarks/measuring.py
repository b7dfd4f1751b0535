"""Side-by-side timing: interleaved rounds, medians and spread, one table and one JSON file."""

from __future__ import annotations

import atexit
import contextlib
import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context, set_start_method
from multiprocessing.connection import Connection
from pathlib import Path

from rich.console import Console
from rich.table import Table

RESULTS = Path(".bench")


@dataclass(frozen=True)
class Timing:
    """Items per second over the rounds: the median and the range."""

    median: float
    low: float
    high: float
    rounds: int


def interleave(sides: Mapping[str, Callable[[], int]], rounds: int) -> dict[str, Timing]:
    """Time every side once in each round, after one round that is not counted.

    A side does its work and returns how many items that was. Interleaving lets a slow moment of the machine hit all
    sides alike.
    """
    return in_turn({name: partial(speed, side) for name, side in sides.items()}, rounds)


def speed(side: Callable[[], int]) -> float:
    """Call `side` and return how many items it did per second."""
    started = time.perf_counter()
    items = side()
    return items / (time.perf_counter() - started)


def in_turn(sides: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, Timing]:
    """Call every side, which returns its own speed, once in each round, after one round that is not counted.

    Every other round runs backwards, so that no side always follows the same one, which may have left the machine warm.
    """
    speeds: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds + 1):
        for name in sides if number % 2 else reversed(sides):
            speed = sides[name]()
            if number > 0:
                speeds[name].append(speed)
    return {name: summary(values) for name, values in speeds.items()}


class Apart:
    """A side in a process of its own, which does not share in what another side does to its process.

    `make` and `arguments` go to the new process, where `make(*arguments)` returns the side; calling an `Apart` calls
    that side and returns what it returned. The process ends with this one.
    """

    def __init__(self, make: Callable[..., Callable[[], float]], *arguments: object) -> None:
        context = get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_answer, args=(theirs, make, arguments))
        self._process.start()
        theirs.close()
        atexit.register(self._connection.close)

    def __call__(self) -> float:
        """Let the side run once."""
        self._connection.send(None)
        return self._connection.recv()

    def end(self) -> None:
        """End the process, and give its memory back: of sides that take much of it, the last one gets worse pages."""
        self._connection.close()
        self._process.join()


def _answer(connection: Connection, make: Callable[..., Callable[[], float]], arguments: Sequence[object]) -> None:
    set_start_method("fork", force=True)  # the system's own, for the workers of a DataLoader
    side = make(*arguments)
    with contextlib.suppress(EOFError):  # The other end is closed: no more is wanted.
        while True:
            connection.recv()
            connection.send(side())


def summary(speeds: list[float]) -> Timing:
    """Return the median and the range of the speeds of some rounds."""
    return Timing(statistics.median(speeds), min(speeds), max(speeds), len(speeds))


def show(title: str, unit: str, timings: Mapping[str, Timing], baseline: str) -> None:
    """Print the table; `baseline` is the side that the others are multiples of."""
    table = Table(title=title, title_justify="left")
    for column in ("", unit, "from", "to", f"times {baseline}"):
        table.add_column(column, justify="left" if not column else "right")
    for name, timing in timings.items():
        ratio = timing.median / timings[baseline].median
        table.add_row(name, *(f"{value:,.1f}" for value in (timing.median, timing.low, timing.high)), f"{ratio:.2f}")
    Console().print(table)


def save(name: str, values: Mapping[str, object]) -> None:
    """Write `values` to ``.bench/<name>.json``; a `Timing` becomes a mapping."""
    RESULTS.mkdir(exist_ok=True)
    plain = {key: asdict(value) if isinstance(value, Timing) else value for key, value in values.items()}
    (RESULTS / f"{name}.json").write_text(json.dumps(plain, indent=2) + "\n", encoding="utf-8")
