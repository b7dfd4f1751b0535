"""``compare.csv``: one row per trial, with all its test metrics."""

from __future__ import annotations

from collections.abc import Sequence

from loss_study.statistics.results import Result
from loss_study.statistics.tables import csv_text

#: Before the metrics.
COLUMNS = ("head", "loss", "seed", "status", "verdict", "kept_epoch", "seconds")


def compare_csv(results: Sequence[Result]) -> str:
    """Return ``compare.csv``; a metric that a head does not have is empty there."""
    metrics = list(dict.fromkeys(name for result in results for name in result.test))
    trials = (
        {
            "head": result.trial.head,
            "loss": result.trial.loss,
            "seed": result.trial.seed,
            "status": result.status,
            "verdict": result.verdict,
            "kept_epoch": result.run.get("kept_epoch"),
            "seconds": result.run.get("seconds"),
            **result.test,
        }
        for result in results
    )
    return csv_text([*COLUMNS, *metrics], trials)
