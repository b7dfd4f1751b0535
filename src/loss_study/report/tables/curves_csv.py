"""``curves.csv``: one row per trial and epoch, which ``dvc plots`` draws."""

from __future__ import annotations

import math
from collections.abc import Sequence

from loss_study.metrics import headline_of
from loss_study.report.palette import colours
from loss_study.statistics.results import Result
from loss_study.statistics.tables import csv_text

COLUMNS = ("head", "loss", "seed", "epoch", "train_loss", "metric", "validation", "learning_rate", "colour")


def curves_csv(results: Sequence[Result]) -> str:
    """Return ``curves.csv``; what is not finite is empty.

    `colour` is the loss's colour as on the page, so that ``.dvc/plots/curves.json`` needs no list of losses.
    """
    palette = colours(dict.fromkeys(result.trial.loss for result in results))
    rows = (
        {
            "head": result.trial.head,
            "loss": result.trial.loss,
            "seed": result.trial.seed,
            "epoch": row["epoch"],
            "metric": headline_of(result.trial.head, result.classes).name,
            **{column: _finite(row[column]) for column in ("train_loss", "validation", "learning_rate")},
            "colour": palette[result.trial.loss].light,
        }
        for result in results
        for row in result.history
    )
    return csv_text(COLUMNS, rows)


def _finite(number: str) -> str:
    return number if number and math.isfinite(float(number)) else ""
