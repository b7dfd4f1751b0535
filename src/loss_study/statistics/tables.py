"""The comparisons as tables: ranking.csv and pairs.csv."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from loss_study.metrics import HEADLINE
from loss_study.statistics.compare import Comparison, Estimate

RANKING_COLUMNS = (
    "head",
    "metric",
    "loss",
    "mean",
    "low",
    "high",
    "difference_to_best",
    "p_adjusted",
    "rank",
    "best_group",
    "average_rank",
    "probability_of_improvement",
    "seeds",
    "failed",
    "images",
    "clusters",
    "unit",
)
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


def ranking_csv(comparisons: Sequence[Comparison]) -> str:
    """Return ``ranking.csv``: a row per head, metric and loss, best first.

    `low` and `high` bound the 95 % interval of `mean`; `difference_to_best` is `mean` minus that of the best loss, and
    `probability_of_improvement` that of the best loss doing better than this one. What does not exist is empty: a p
    value for the best loss and for losses that stand apart, all numbers of a loss without a sound trial.
    """
    return _csv(RANKING_COLUMNS, (row for comparison in comparisons for row in _ranking(comparison)))


def _ranking(comparison: Comparison) -> Iterable[dict[str, Any]]:
    common = {"head": comparison.head, "metric": comparison.metric.name}
    for rank, estimate in enumerate(comparison.estimates, start=1):
        yield common | {"rank": rank} | _of_loss(comparison, estimate)
    for loss in comparison.without:
        yield common | {"loss": loss, "best_group": False, "seeds": 0}


def _of_loss(comparison: Comparison, estimate: Estimate) -> dict[str, Any]:
    pair = comparison.pair(estimate.loss)
    return {
        "loss": estimate.loss,
        "mean": estimate.mean,
        "low": estimate.low,
        "high": estimate.high,
        "difference_to_best": estimate.mean - comparison.best.mean,
        "p_adjusted": pair.p_adjusted if pair else None,
        "best_group": estimate.loss in comparison.best_group,
        "average_rank": estimate.average_rank,
        "probability_of_improvement": pair.probability if pair else None,
        "seeds": estimate.seeds,
        "failed": estimate.failed,
        "images": comparison.images,
        "clusters": comparison.clusters,
        "unit": comparison.unit,
    }


def pairs_csv(comparisons: Sequence[Comparison]) -> str:
    """Return ``pairs.csv``: every two compared losses, the better one first; `difference` is better minus worse."""
    return _csv(
        PAIR_COLUMNS,
        (
            {
                "head": comparison.head,
                "metric": comparison.metric.name,
                "better": pair.better,
                "worse": pair.worse,
                "difference": pair.difference,
                "low": pair.low,
                "high": pair.high,
                "p_adjusted": pair.p_adjusted,
                "probability_of_improvement": pair.probability,
            }
            for comparison in comparisons
            for pair in comparison.pairs
        ),
    )


def headlines(comparisons: Sequence[Comparison]) -> dict[str, Comparison]:
    """Return by head the comparison on the metric that ranks it."""
    return {found.head: found for found in comparisons if found.metric.name == HEADLINE[found.head]}


def _csv(columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        # Six digits: what lies beyond differs from machine to machine and says nothing.
        writer.writerow({name: f"{value:.6g}" if isinstance(value, float) else value for name, value in row.items()})
    return file.getvalue()
