"""Does a second study contradict the first?

Takes every sentence "x beats y" of the first ranking and looks it up in the second. A sentence is *contradicted* where
the second says that y beats x, *reversed* where it only has y ahead. Reads ranking.csv and, beside it, pairs.csv.
Exit code 0 if no sentence is contradicted, else 1.
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
from loss_study.statistics.compare import CHANCE
from loss_study.statistics.tables import PAIR_COLUMNS, RANKING_COLUMNS

Row = dict[str, str]


@dataclass(frozen=True, order=True)
class Sentence:
    """One sentence of a ranking: on this head and metric, loss `better` beats loss `worse`."""

    head: str
    metric: str
    better: str
    worse: str

    @property
    def opposite(self) -> Sentence:
        """The sentence that contradicts this one."""
        return Sentence(self.head, self.metric, self.worse, self.better)

    def __str__(self) -> str:
        return f"{self.head} {self.metric}: {self.better} beats {self.worse}"


@dataclass(frozen=True)
class Study:
    """What one study says: `claims` are more than chance, `orderings` hold for every two losses with a place."""

    claims: frozenset[Sentence]
    orderings: frozenset[Sentence]

    @classmethod
    def read(cls, ranking: Path) -> Study:
        """Read ``ranking.csv`` and the ``pairs.csv`` beside it; StudyError if one is missing or another table."""
        pairs = _rows(ranking.with_name("pairs.csv"), PAIR_COLUMNS)
        claims = frozenset(_sentence(row, row["better"], row["worse"]) for row in pairs if _significant(row))
        placed = [row for row in _rows(ranking, RANKING_COLUMNS) if row["rank"]]
        placed.sort(key=lambda row: int(row["rank"]))
        orderings = frozenset(
            _sentence(a, a["loss"], b["loss"])
            for a, b in combinations(placed, 2)
            if (a["head"], a["metric"]) == (b["head"], b["metric"])
        )
        return cls(claims, orderings)


@dataclass(frozen=True)
class Agreement:
    """The sentences of a first study, sorted by what a second one says to them.

    Attributes:
        claims: those that are more than chance and whose losses the second has, too.
        contradicted: of these, the second claims the opposite.
        reversed: of these, the second has the opposite order, but does not claim it.
        unknown: claims on losses or metrics that the second does not have.
        orderings: every ordering of two losses that both have.
        turned: of these, the second has the opposite order.
    """

    claims: tuple[Sentence, ...]
    contradicted: tuple[Sentence, ...]
    reversed: tuple[Sentence, ...]
    unknown: tuple[Sentence, ...]
    orderings: tuple[Sentence, ...]
    turned: tuple[Sentence, ...]


def agree(first: Study, second: Study) -> Agreement:
    """Look up the sentences of `first` in `second`."""
    known = second.orderings | {sentence.opposite for sentence in second.orderings}
    claims = sorted(first.claims & known)
    orderings = sorted(first.orderings & known)
    contradicted = [sentence for sentence in claims if sentence.opposite in second.claims]
    return Agreement(
        tuple(claims),
        tuple(contradicted),
        tuple(s for s in claims if s.opposite in second.orderings and s not in contradicted),
        tuple(sorted(first.claims - known)),
        tuple(orderings),
        tuple(sentence for sentence in orderings if sentence.opposite in second.orderings),
    )


def show(agreement: Agreement, console: Console) -> None:
    """Print the counts, and every contradicted and reversed sentence."""
    lines = [
        f'{len(agreement.claims)} sentences "A beats B" of the first are more than chance: '
        f"{len(agreement.contradicted)} contradicted by the second, {len(agreement.reversed)} reversed",
        *(f"  contradicted  {sentence}" for sentence in agreement.contradicted),
        *(f"  reversed      {sentence}" for sentence in agreement.reversed),
    ]
    if agreement.unknown:
        lines.append(f"{len(agreement.unknown)} more are on losses or metrics that the second does not have")
    lines.append(
        f"{len(agreement.orderings)} orderings of two losses, chance or not: {len(agreement.turned)} turned round"
    )
    for line in lines:
        console.print(Text(line), soft_wrap=True)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the two rankings."""
    parser.add_argument("first", type=Path, help="ranking.csv of the first study")
    parser.add_argument("second", type=Path, help="ranking.csv of the second study")


def main(arguments: argparse.Namespace) -> None:
    """Compare the two rankings that the command line names."""
    agreement = agree(Study.read(arguments.first), Study.read(arguments.second))
    show(agreement, Console(highlight=False))
    sys.exit(1 if agreement.contradicted else 0)


def _sentence(row: Row, better: str, worse: str) -> Sentence:
    return Sentence(row["head"], row["metric"], better, worse)


def _significant(row: Row) -> bool:
    return float(row["p_adjusted"]) < CHANCE


def _rows(path: Path, columns: tuple[str, ...]) -> list[Row]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
    except FileNotFoundError:
        raise StudyError(f"{path}: not there; it is written by 'dvc repro compare'") from None
    missing = [column for column in columns if column not in (reader.fieldnames or ())]
    if missing:
        raise StudyError(f"{path}: no column {missing[0]!r}; give the ranking.csv of a report")
    return rows
