"""Rankings as tables: ``answer.csv``, ``pairs.csv`` and ``rounds.csv``."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from loss_study.statistics.race import Entry
from loss_study.statistics.ranking import BEST, EQUIVALENT, Ranking

ANSWER_COLUMNS = ("head", "metric", "loss", "group", "mean", "low", "high", "regret_low", "regret_high", "trials")
PAIR_COLUMNS = (
    "head",
    "metric",
    "better",
    "worse",
    "difference",
    "low",
    "high",
    "p_adjusted",
    "probability_of_improvement",
)
ROUND_COLUMNS = ("head", "round", "trials", "choice", "regret_bound", "dropped")


def choice_in(rows: Iterable[Mapping[str, str]], head: str) -> Mapping[str, str] | None:
    """Return the row of the loss that ``answer.csv`` chooses for `head`, see `regret.choose`; None if it knows none."""
    known = [row for row in rows if row["head"] == head and row["regret_high"]]
    within = [row for row in known if row["group"] in {BEST, EQUIVALENT}]
    return next(iter(within or known), None)


def answer_csv(rankings: Sequence[Ranking]) -> str:
    """Return ``answer.csv``: a row per head, metric and loss, best mean first, see `Standing`.

    `trials` are those that enter the mean. What does not exist is empty: groups and regrets on other metrics than the
    headline metric and of losses that are not compared, all numbers of a loss without a sound trial.
    """
    rows = (
        {
            "head": ranking.head,
            "metric": ranking.metric.name,
            "loss": standing.loss,
            "group": standing.group,
            "mean": standing.mean,
            "low": standing.low,
            "high": standing.high,
            "regret_low": standing.regret_low,
            "regret_high": standing.regret_high,
            "trials": standing.trials,
        }
        for ranking in rankings
        for standing in ranking.standings
    )
    return csv_text(ANSWER_COLUMNS, rows, rounded=True)


def pairs_csv(rankings: Sequence[Ranking]) -> str:
    """Return ``pairs.csv``: every two compared losses, the better one first; `difference` is better minus worse."""
    rows = (
        {
            "head": ranking.head,
            "metric": ranking.metric.name,
            "better": pair.better,
            "worse": pair.worse,
            "difference": pair.difference,
            "low": pair.low,
            "high": pair.high,
            "p_adjusted": pair.p_adjusted,
            "probability_of_improvement": pair.probability,
        }
        for ranking in rankings
        for pair in ranking.pairs
    )
    return csv_text(PAIR_COLUMNS, rows, rounded=True)


def rounds_csv(entries: Sequence[Entry]) -> str:
    """Return ``rounds.csv``: a row per head and finished round; `dropped` are losses, separated by spaces."""
    rows = (
        {
            "head": entry.head,
            "round": entry.round,
            "trials": entry.trials,
            "choice": entry.choice,
            "regret_bound": entry.regret_bound,
            "dropped": " ".join(entry.dropped),
        }
        for entry in entries
    )
    return csv_text(ROUND_COLUMNS, rows, rounded=True)


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], *, rounded: bool = False) -> str:
    """Return a CSV table with a header; what a row does not have, or is None, is empty.

    Args:
        columns: their names, in order.
        rows: one mapping per row.
        rounded: whether floats are written with six digits. Later digits of what was computed from many numbers may
            differ between machines.
    """
    file = io.StringIO()
    writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _rounded(value) if rounded else value for name, value in row.items()})
    return file.getvalue()


def _rounded(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float) else value
