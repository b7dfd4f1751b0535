"""Does a second study contradict the first?

Every significant difference of the first study, "x beats y", is looked up in the second. It is *contradicted* where y
beats x significantly in the second, and *reversed* where y is only ahead of x. Reads answer.csv and the pairs.csv
beside it. Exit code 0 if nothing is contradicted, else 1.
"""

from __future__ import annotations

import argparse
import csv
import sys
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from rich.console import Console
from rich.text import Text

from loss_study.runtime.errors import StudyError
from loss_study.statistics.looks import SIGNIFICANCE
from loss_study.statistics.tables import ANSWER_COLUMNS, PAIR_COLUMNS

Row = dict[str, str]


@dataclass(frozen=True, order=True)
class Ordering:
    """On this head and metric, loss `better` is ahead of loss `worse`."""

    head: str
    metric: str
    better: str
    worse: str

    @property
    def opposite(self) -> Ordering:
        """The two losses the other way round."""
        return Ordering(self.head, self.metric, self.worse, self.better)

    def __str__(self) -> str:
        return f"{self.head} {self.metric}: {self.better} beats {self.worse}"


@dataclass(frozen=True)
class Study:
    """What one study says: the orderings of every two losses with a place, and those that are significant."""

    significant: frozenset[Ordering]
    orderings: frozenset[Ordering]

    @classmethod
    def read(cls, ranking: Path) -> Study:
        """Read ``answer.csv`` and the ``pairs.csv`` beside it.

        Raises:
            StudyError: one of them is missing, or lacks a column.
        """
        pairs = _rows(ranking.with_name("pairs.csv"), PAIR_COLUMNS)
        significant = frozenset(_ordering(row, row["better"], row["worse"]) for row in pairs if _significant(row))
        placed = [row for row in _rows(ranking, ANSWER_COLUMNS) if row["rank"]]
        placed.sort(key=lambda row: int(row["rank"]))
        orderings = frozenset(
            _ordering(a, a["loss"], b["loss"])
            for a, b in combinations(placed, 2)
            if (a["head"], a["metric"]) == (b["head"], b["metric"])
        )
        return cls(significant, orderings)


@dataclass(frozen=True)
class Agreement:
    """The orderings of a first study, sorted by what a second one says of them.

    Attributes:
        significant: those that are significant and whose losses the second study has, too.
        contradicted: of these, the opposite is significant in the second.
        reversed: of these, the second has the opposite order, but not significantly.
        unknown: significant ones on losses or metrics that the second does not have.
        orderings: every ordering of two losses that both have.
        flipped: of these, the second has the opposite order.
    """

    significant: tuple[Ordering, ...]
    contradicted: tuple[Ordering, ...]
    reversed: tuple[Ordering, ...]
    unknown: tuple[Ordering, ...]
    orderings: tuple[Ordering, ...]
    flipped: tuple[Ordering, ...]


def agree(first: Study, second: Study) -> Agreement:
    """Look up the orderings of `first` in `second`."""
    known = second.orderings | {ordering.opposite for ordering in second.orderings}
    significant = sorted(first.significant & known)
    orderings = sorted(first.orderings & known)
    contradicted = [ordering for ordering in significant if ordering.opposite in second.significant]
    return Agreement(
        tuple(significant),
        tuple(contradicted),
        tuple(one for one in significant if one.opposite in second.orderings and one not in contradicted),
        tuple(sorted(first.significant - known)),
        tuple(orderings),
        tuple(ordering for ordering in orderings if ordering.opposite in second.orderings),
    )


def show(agreement: Agreement, console: Console) -> None:
    """Print the counts, and every contradicted and reversed ordering."""
    lines = [
        f"{len(agreement.significant)} significant differences in the first study: "
        f"{len(agreement.contradicted)} contradicted by the second, {len(agreement.reversed)} reversed",
        *(f"  contradicted  {ordering}" for ordering in agreement.contradicted),
        *(f"  reversed      {ordering}" for ordering in agreement.reversed),
    ]
    if agreement.unknown:
        lines.append(f"{len(agreement.unknown)} more are on losses or metrics that the second does not have")
    lines.append(
        f"{len(agreement.orderings)} orderings of two losses, significant or not: {len(agreement.flipped)} flip"
    )
    for line in lines:
        console.print(Text(line), soft_wrap=True)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the two rankings."""
    parser.add_argument("first", type=Path, help="answer.csv of the first study")
    parser.add_argument("second", type=Path, help="answer.csv of the second study")


def main(arguments: argparse.Namespace) -> None:
    """Compare the two studies that the command line names."""
    agreement = agree(Study.read(arguments.first), Study.read(arguments.second))
    show(agreement, Console(highlight=False))
    sys.exit(1 if agreement.contradicted else 0)


def _ordering(row: Row, better: str, worse: str) -> Ordering:
    return Ordering(row["head"], row["metric"], better, worse)


def _significant(row: Row) -> bool:
    return float(row["p_adjusted"]) < SIGNIFICANCE


def _rows(path: Path, columns: tuple[str, ...]) -> list[Row]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
    except FileNotFoundError:
        raise StudyError(f"{path}: not found; 'dvc repro compare' writes it") from None
    missing = [column for column in columns if column not in (reader.fieldnames or ())]
    if missing:
        raise StudyError(f"{path}: no column {missing[0]!r}; give the answer.csv of a report")
    return rows
