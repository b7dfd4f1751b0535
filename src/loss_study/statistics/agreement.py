"""Does a second study contradict the first?

Every significant difference of the first study, "x beats y", is looked up in the second. It is *contradicted* where y
beats x significantly in the second, and *reversed* where y only has the better mean. With one seed per loss a
difference is one of trained networks: it contradicts nothing, and nothing contradicts it.

The regret of a loss is *contradicted* where its interval in the second study has nothing in common with that in the
first. A study that compares more losses may have a better best one, so that a regret there may well be larger: then it
is contradicted only if it is smaller; where each study compares a loss that the other does not, it never is.

Reads answer.csv and the pairs.csv beside it. Exit code 0 if nothing is contradicted, else 1.
"""

from __future__ import annotations

import argparse
import csv
import sys
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

from rich.console import Console
from rich.text import Text

from loss_study.metrics import Metric, find
from loss_study.runtime.errors import StudyError
from loss_study.statistics.looks import SIGNIFICANCE
from loss_study.statistics.sentences import at_most, listed
from loss_study.statistics.tables import ANSWER_COLUMNS, PAIR_COLUMNS, choice_in

Row = dict[str, str]


@dataclass(frozen=True, order=True)
class Ordering:
    """On this head and metric, loss `better` has a better mean than loss `worse`."""

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
    """What one study says.

    Attributes:
        significant: the orderings of two losses that are significant; none of a head in `of_networks`.
        orderings: those of every two losses whose means differ.
        known: every two losses with a mean, in both orders.
        regrets: bounds of the regret, by head and loss, best mean first.
        choices: the loss that is chosen, by head.
        metrics: the metric that it is chosen by, by head.
        of_networks: the heads of which no loss has more than one sound seed.
    """

    significant: frozenset[Ordering]
    orderings: frozenset[Ordering]
    known: frozenset[Ordering]
    regrets: dict[tuple[str, str], tuple[float, float]]
    choices: dict[str, str]
    metrics: dict[str, Metric]
    of_networks: tuple[str, ...]

    @classmethod
    def read(cls, answer: Path) -> Study:
        """Read ``answer.csv`` and the ``pairs.csv`` beside it.

        Raises:
            StudyError: one of them is missing, or lacks a column.
        """
        pairs = _rows(answer.with_name("pairs.csv"), PAIR_COLUMNS)
        rows = _rows(answer, ANSWER_COLUMNS)
        placed = [row for row in rows if row["mean"]]
        of_networks = tuple(
            head
            for head in dict.fromkeys(row["head"] for row in placed)
            if {row["trials"] for row in placed if row["head"] == head} == {"1"}
        )
        significant = frozenset(
            _ordering(row, row["better"], row["worse"])
            for row in pairs
            if _significant(row) and row["head"] not in of_networks
        )
        both = [(a, b) for a, b in permutations(placed, 2) if (a["head"], a["metric"]) == (b["head"], b["metric"])]
        orderings = frozenset(_ordering(a, a["loss"], b["loss"]) for a, b in both if _is_better(a, b))
        known = frozenset(_ordering(a, a["loss"], b["loss"]) for a, b in both)
        regrets = {
            (row["head"], row["loss"]): (float(row["regret_low"]), float(row["regret_high"]))
            for row in rows
            if row["regret_high"]
        }
        chosen = {head: choice_in(rows, head) for head in dict.fromkeys(row["head"] for row in rows)}
        choices = {head: row["loss"] for head, row in chosen.items() if row is not None}
        metrics = {head: find(row["metric"]) for head, row in chosen.items() if row is not None}
        return cls(significant, orderings, known, regrets, choices, metrics, of_networks)

    def compared(self, head: str) -> frozenset[str]:
        """Return the losses of a head whose regrets are known: what the best one is the best of."""
        return frozenset(loss for of, loss in self.regrets if of == head)


@dataclass(frozen=True)
class Agreement:
    """The orderings of a first study, sorted by what a second one says of them.

    Attributes:
        significant: those that are significant and whose losses the second study has, too.
        contradicted: of these, the opposite is significant in the second.
        reversed: of these, the second has the opposite order, but not significantly.
        unknown: significant ones on losses or metrics that the second does not have.
        orderings: every ordering of two losses that both have, with a mean.
        flipped: of these, the second has the opposite order.
        regrets: head and loss of the regrets that both have.
        apart: those that are contradicted.
        choices: by head the choice of the first study, of the second, and the bounds that the second has of the regret
            of the first one's.
        metrics: that of the bounds, by head.
        of_networks: the heads with one seed per loss in one of the studies.
    """

    significant: tuple[Ordering, ...]
    contradicted: tuple[Ordering, ...]
    reversed: tuple[Ordering, ...]
    unknown: tuple[Ordering, ...]
    orderings: tuple[Ordering, ...]
    flipped: tuple[Ordering, ...]
    regrets: tuple[tuple[str, str], ...]
    apart: tuple[tuple[str, str], ...]
    choices: dict[str, tuple[str, str, tuple[float, float]]]
    metrics: dict[str, Metric]
    of_networks: tuple[str, ...]


def agree(first: Study, second: Study) -> Agreement:
    """Look up the orderings of `first` in `second`."""
    significant = sorted(first.significant & second.known)
    orderings = sorted(first.orderings & second.known)
    contradicted = [ordering for ordering in significant if ordering.opposite in second.significant]
    regrets = [
        (head, loss)
        for head, loss in first.regrets
        if (head, loss) in second.regrets and _same_metric(first, second, head)
    ]
    return Agreement(
        tuple(significant),
        tuple(contradicted),
        tuple(one for one in significant if one.opposite in second.orderings and one not in contradicted),
        tuple(sorted(first.significant - second.known)),
        tuple(orderings),
        tuple(ordering for ordering in orderings if ordering.opposite in second.orderings),
        tuple(regrets),
        tuple(one for one in regrets if _apart(first, second, *one)),
        _choices(first, second),
        second.metrics,
        tuple(dict.fromkeys(first.of_networks + second.of_networks)),
    )


def _apart(first: Study, second: Study, head: str, loss: str) -> bool:
    """Whether the intervals of a regret cannot both be right: that among more losses is at least that among fewer."""
    (low, high), (other_low, other_high) = first.regrets[head, loss], second.regrets[head, loss]
    of_first, of_second = first.compared(head), second.compared(head)
    return (low > other_high and of_first <= of_second) or (other_low > high and of_second <= of_first)


def _choices(first: Study, second: Study) -> dict[str, tuple[str, str, tuple[float, float]]]:
    choices = {}
    for head in dict.fromkeys(head for head, _ in first.regrets):
        one, other = first.choices.get(head), second.choices.get(head)
        if one and other and (head, one) in second.regrets and _same_metric(first, second, head):
            choices[head] = (one, other, second.regrets[head, one])
    return choices


def _same_metric(first: Study, second: Study, head: str) -> bool:
    """Whether both rank the head by the same metric: regrets in IoU say nothing of those in mean IoU."""
    return first.metrics.get(head) == second.metrics.get(head)


def show(agreement: Agreement, console: Console) -> None:
    """Print the counts, and every contradicted and reversed ordering."""
    lines = [
        *(
            f"{head}: the first study chooses {one}, the second {other}; in the second {one} is at most "
            f"{_amount(agreement.metrics[head], high)} worse than the best compared loss"
            for head, (one, other, (_, high)) in agreement.choices.items()
        ),
        f"{len(agreement.regrets)} regrets of losses: {len(agreement.apart)} contradicted",
        *(f"  contradicted  {head}: regret of {loss}" for head, loss in agreement.apart),
        f"{len(agreement.significant)} significant differences in the first study: "
        f"{len(agreement.contradicted)} contradicted by the second, {len(agreement.reversed)} reversed",
        *(f"  contradicted  {ordering}" for ordering in agreement.contradicted),
        *(f"  reversed      {ordering}" for ordering in agreement.reversed),
    ]
    if agreement.of_networks:
        heads = listed(agreement.of_networks)
        lines.append(
            f"with one seed per loss, significant differences on the {heads} are of networks, and do not count"
        )
    if agreement.unknown:
        lines.append(f"{len(agreement.unknown)} more are on losses or metrics that the second does not have")
    lines.append(
        f"{len(agreement.orderings)} orderings of two losses, significant or not: {len(agreement.flipped)} flip"
    )
    for line in lines:
        console.print(Text(line), soft_wrap=True)


def _amount(metric: Metric, bound: float) -> str:
    return metric.with_unit(at_most(metric, bound))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the two answers."""
    parser.add_argument("first", type=Path, help="answer.csv of the first study")
    parser.add_argument("second", type=Path, help="answer.csv of the second study")


def main(arguments: argparse.Namespace) -> None:
    """Compare the two studies that the command line names."""
    agreement = agree(Study.read(arguments.first), Study.read(arguments.second))
    show(agreement, Console(highlight=False))
    sys.exit(1 if agreement.contradicted or agreement.apart else 0)


def _ordering(row: Row, better: str, worse: str) -> Ordering:
    return Ordering(row["head"], row["metric"], better, worse)


def _significant(row: Row) -> bool:
    return float(row["p_adjusted"]) < SIGNIFICANCE


def _is_better(a: Row, b: Row) -> bool:
    sign = -1 if find(a["metric"]).higher_is_better is False else 1
    return sign * float(a["mean"]) > sign * float(b["mean"])


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
