"""Side-by-side timing: interleaved rounds, medians and spread, one table and one JSON file."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
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

    def timed(side: Callable[[], int]) -> float:
        started = time.perf_counter()
        items = side()
        return items / (time.perf_counter() - started)

    return in_turn({name: partial(timed, side) for name, side in sides.items()}, rounds)


def in_turn(sides: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, Timing]:
    """Call every side, which returns its own speed, once in each round, after one round that is not counted."""
    speeds: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds + 1):
        for name, side in sides.items():
            speed = side()
            if number > 0:
                speeds[name].append(speed)
    return {name: summary(values) for name, values in speeds.items()}


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
