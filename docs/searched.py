"""The section of docs/results.md on the luck of the search: docs/results/searches.csv as a table for each head.

The file holds the value of every training of ``benchmarks/search.py``. Which rate a search finds follows from its
values by the study's own rule, so the tables are what the rule of today would have found.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import numpy as np

from loss_study.heads import HEADS
from loss_study.metrics import HEADLINE, find, rises
from loss_study.metrics.base import Metric
from loss_study.statistics.results import read_csv
from loss_study.statistics.sentences import at_most
from loss_study.training.choice import Choice
from loss_study.training.search import Tried, best, peak

Row = dict[str, str]


@dataclass(frozen=True)
class Searched:
    """One loss on one head: the results at each rate, and what each search found.

    Attributes:
        loss: its name.
        results: the test metric of each training, by its rate, ascending.
        found: for each search its rate, and by how much the metric is worse there than at the best rate. Both are read
            off a parabola in the logarithm of the rate through the means of `results`.
    """

    loss: str
    results: Mapping[float, list[float]]
    found: list[tuple[float, float]]

    @property
    def standard_error(self) -> float:
        """Of the mean at one rate, pooled over the rates."""
        return float(np.sqrt(np.mean([np.var(values, ddof=1) / len(values) for values in self.results.values()])))


def section(table: Path, study: Path) -> list[str]:
    """Return the section's lines.

    Args:
        table: docs/results/searches.csv.
        study: metrics.json of the default study, which has the margins.
    """
    decided, rows = json.loads(study.read_text(encoding="utf-8")), read_csv(table)
    lines = []
    for head in HEADS:
        metric, found = find(HEADLINE[head]), list(searched(head, rows))
        summary = _summary(metric, found, decided[head]["margin"])
        lines += ["", f"**On the {head}:** {summary}", ""]
        rates = ", ".join(f"{rate:g}" for rate in found[0].results)
        lines += [f"| loss | {metric.label} at {rates} | standard error | rates found | lost by them |"]
        lines += ["|---" * 5 + "|", *(_line(metric, one) for one in found)]
    return lines


def searched(head: str, rows: list[Row]) -> Iterator[Searched]:
    """Read every loss of `head` in `rows`, the lines of docs/results/searches.csv."""
    of_head = [row for row in rows if row["head"] == head]
    for loss, of_loss in groupby(of_head, key=itemgetter("loss")):
        results: dict[float, list[float]] = {}
        searches: dict[str, list[Tried]] = {}
        for row in of_loss:
            rate, value = float(row["lr"]), float(row["value"])
            if row["kind"] == "search":
                searches.setdefault(row["seed"], []).append(Tried(Choice(rate), value, 0, "finished"))
            else:
                results.setdefault(rate, []).append(value)
        found = [peak(head, tried, best(head, tried))[0] for tried in searches.values()]
        yield Searched(loss, results, [(rate, _lost(head, results, rate)) for rate in found])


def _lost(head: str, results: Mapping[float, list[float]], rate: float) -> float:
    sign = 1 if rises(head) else -1
    curve = np.polyfit(np.log(list(results)), [sign * np.mean(values) for values in results.values()], 2)
    heights = np.polyval(curve, np.log(np.geomspace(min(results), max(results), 1000)))
    return max(0.0, float(heights.max() - np.polyval(curve, np.log(rate))))


def _summary(metric: Metric, found: list[Searched], margin: float) -> str:
    lost = [[loss for _, loss in one.found] for one in found]
    more = {one.loss: max(losses) for one, losses in zip(found, lost, strict=True) if max(losses) > margin / 2}
    small = sum(loss <= margin / 2 for losses in lost for loss in losses)
    counted = (
        f"{small} of {sum(map(len, lost))} searches lose at most half of the margin, which is "
        f"{metric.with_unit(metric.show(margin))}."
    )
    beyond = [f"{loss} up to {at_most(metric, worst)}" for loss, worst in more.items()]
    return f"{counted} More: {', '.join(beyond)}." if beyond else counted


def _line(metric: Metric, one: Searched) -> str:
    means = ", ".join(metric.show(float(np.mean(values))) for values in one.results.values())
    rates = ", ".join(f"{rate:g}" for rate, _ in one.found)
    lost = ", ".join(metric.show(loss) for _, loss in one.found)
    return f"| `{one.loss}` | {means} | {metric.show(one.standard_error)} | {rates} | {lost} |"
