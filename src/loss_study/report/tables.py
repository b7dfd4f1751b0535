"""The tables that DVC and spreadsheets read: metrics.json, compare.csv, curves.csv."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

from loss_study.metrics import HEADLINE
from loss_study.statistics.compare import Comparison
from loss_study.statistics.ranking import Ranking
from loss_study.statistics.results import DIVERGED, MISSING, Result
from loss_study.statistics.tables import headlines

CURVE_COLUMNS = ("head", "loss", "seed", "epoch", "train_loss", "metric", "validation", "learning_rate")
TRIAL_COLUMNS = ("head", "loss", "seed", "status", "verdict", "best_epoch", "seconds")


def metrics_json(rankings: Sequence[Ranking], results: Sequence[Result], comparisons: Sequence[Comparison]) -> str:
    """Return ``metrics.json``: per head the best loss and its test metrics (mean over sound seeds), and counts.

    Beside them the losses that cannot be told from the best, and the 95 % interval of the headline metric. The paths
    are the same whichever losses were studied, so that experiments line up in ``dvc exp show``.
    """
    compared = headlines(comparisons)
    summary: dict[str, Any] = {
        ranking.head: _best(ranking) | _certainty(compared.get(ranking.head)) for ranking in rankings
    }
    summary["losses"] = len({result.trial.loss for result in results})
    summary["seeds"] = len({result.trial.seed for result in results})
    summary["trials"] = counts(results)
    return json.dumps(summary, indent=2) + "\n"


def _best(ranking: Ranking) -> dict[str, Any]:
    best = ranking.best
    return {"best_loss": best.loss, **best.means} if best else {"best_loss": "none"}


def _certainty(comparison: Comparison | None) -> dict[str, Any]:
    if comparison is None:
        return {}
    name, best = comparison.metric.name, comparison.best
    return {"best_group": ", ".join(comparison.best_group), f"{name}_low": best.low, f"{name}_high": best.high}


def counts(results: Sequence[Result]) -> dict[str, int]:
    """Return how many trials there are, and how many of them are sound, collapsed, diverged and missing."""
    return {
        "planned": len(results),
        "sound": sum(result.sound for result in results),
        "collapsed": sum(result.status == "finished" and not result.sound for result in results),
        "diverged": sum(result.status == DIVERGED for result in results),
        "missing": sum(result.status == MISSING for result in results),
    }


def compare_csv(results: Sequence[Result]) -> str:
    """Return ``compare.csv``: one row per trial; a metric that a head does not have is empty there."""
    metrics = list(dict.fromkeys(name for result in results for name in result.test))
    trials = [
        {
            "head": result.trial.head,
            "loss": result.trial.loss,
            "seed": result.trial.seed,
            "status": result.status,
            "verdict": result.verdict,
            "best_epoch": result.run.get("best_epoch"),
            "seconds": result.run.get("seconds"),
            **result.test,
        }
        for result in results
    ]
    return _csv([*TRIAL_COLUMNS, *metrics], trials)


def curves_csv(results: Sequence[Result]) -> str:
    """Return ``curves.csv``: one row per trial and epoch; what is not finite is empty."""
    return _csv(
        CURVE_COLUMNS,
        (
            {
                "head": result.trial.head,
                "loss": result.trial.loss,
                "seed": result.trial.seed,
                "epoch": row["epoch"],
                "metric": HEADLINE[result.trial.head],
                **{column: _finite(row[column]) for column in ("train_loss", "validation", "learning_rate")},
            }
            for result in results
            for row in result.history
        ),
    )


def _finite(number: str) -> str:
    return number if number and math.isfinite(float(number)) else ""


def _csv(columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()
