"""Rankings as tables: ``ranking.csv`` and ``pairs.csv``."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from loss_study.statistics.ranking import Ranking, Standing

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


def ranking_csv(rankings: Sequence[Ranking]) -> str:
    """Return ``ranking.csv``: a row per head, metric and loss, best first.

    `low` and `high` are the 95 % interval of `mean`; `difference_to_best` is `mean` minus that of the best loss, and
    `probability_of_improvement` that of the best loss doing better than this one. What does not exist is empty: a p
    value of the best loss and of losses that are not compared, all numbers of a loss without a sound trial.
    """
    return csv_text(RANKING_COLUMNS, (row for ranking in rankings for row in _rows(ranking)), rounded=True)


def _rows(ranking: Ranking) -> Iterable[dict[str, Any]]:
    common = {"head": ranking.head, "metric": ranking.metric.name}
    for place, standing in enumerate(ranking.placed, start=1):
        yield common | {"rank": place} | _of_loss(ranking, standing)
    for standing in ranking.failed:
        yield common | {"loss": standing.loss, "best_group": False, "seeds": 0}


def _of_loss(ranking: Ranking, standing: Standing) -> dict[str, Any]:
    pair, best = ranking.pair(standing.loss), ranking.standings[0].mean
    assert standing.mean is not None and best is not None
    return {
        "loss": standing.loss,
        "mean": standing.mean,
        "low": standing.low,
        "high": standing.high,
        "difference_to_best": standing.mean - best,
        "p_adjusted": pair.p_adjusted if pair else None,
        "best_group": ranking.resampled and standing.loss in ranking.best_group,
        "average_rank": standing.average_rank,
        "probability_of_improvement": pair.probability if pair else None,
        "seeds": len(standing.sound),
        "failed": len(standing.failed),
        "images": ranking.images,
        "clusters": ranking.clusters,
        "unit": ranking.unit,
    }


def pairs_csv(rankings: Sequence[Ranking]) -> str:
    """Return ``pairs.csv``: every two compared losses, the better one first; `difference` is better minus worse."""
    return csv_text(
        PAIR_COLUMNS,
        (
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
        ),
        rounded=True,
    )


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], *, rounded: bool = False) -> str:
    """Return a CSV table with a header; what a row does not have, or is None, is empty.

    Args:
        columns: their names, in order.
        rows: one mapping per row.
        rounded: whether floats are written with six digits. Of what was resampled, later digits may differ between
            machines.
    """
    file = io.StringIO()
    writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _rounded(value) if rounded else value for name, value in row.items()})
    return file.getvalue()


def _rounded(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float) else value
