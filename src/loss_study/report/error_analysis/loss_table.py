"""Tables with one row per loss, in the order of the ranking."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from loss_study.report.error_analysis.evidence import Evidence, Extremes, Number


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        heading: above it.
        meaning: what it is, for a tooltip and the list below the table.
        show: how a value is written.
        values: one per loss; None where there is none.
    """

    heading: str
    meaning: str
    show: Callable[[float], str]
    values: tuple[float | None, ...]

    @property
    def cells(self) -> list[str]:
        """The values as text."""
        return ["-" if value is None else self.show(value) for value in self.values]


@dataclass(frozen=True)
class Table:
    """A titled table; `losses` are its rows."""

    title: str
    losses: tuple[str, ...]
    columns: tuple[Column, ...]


def loss_table(title: str, evidence: Sequence[Evidence], columns: Sequence[Column]) -> Table:
    """Return the table without the rows and columns that are empty."""
    filled = [column for column in columns if any(value is not None for value in column.values)]
    rows = [row for row in range(len(evidence)) if any(column.values[row] is not None for column in filled)]
    return Table(
        title,
        tuple(evidence[row].loss for row in rows),
        tuple(replace(column, values=tuple(column.values[row] for row in rows)) for column in filled),
    )


def each(evidence: Sequence[Evidence], number: Number) -> tuple[float | None, ...]:
    """Return a number of every loss, for a `Column`."""
    return tuple(number(known) for known in evidence)


def percent(share: float) -> str:
    """Return 0.431 as ``43 %``."""
    return f"{100 * share:.0f} %"


def fine_percent(share: float) -> str:
    """Return 0.0431 as ``4.31 %``."""
    return f"{100 * share:.2f} %"


def few(number: float) -> str:
    """Return 3.14 as ``3.1`` and 3.0 as ``3``."""
    return f"{round(number, 1):g}"


def span(extremes: Extremes) -> str:
    """Return shares as ``5 % (bce) to 35 % (ssim)``, or ``5 %`` where they are equal."""
    (low, least), (high, most) = extremes
    text = f"{percent(least)} ({low}) to {percent(most)} ({high})"
    return percent(least) if percent(least) == percent(most) else text
