"""``metrics.json``: what DVC and MLflow compare between experiments."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from loss_study.statistics.ranking import Ranking, Standing, headlines
from loss_study.statistics.results import DIVERGED, Result

#: What every loss is listed with: the metric that ranks the head, and those that support it. All others are in
#: compare.csv.
METRICS = {
    "mask": ("iou_at_best", "iou", "dice", "boundary_f"),
    "depth": ("rmse_coded", "rmse_coded_aligned", "rmse", "abs_rel", "delta1"),
}


def metrics_json(rankings: Sequence[Ranking], results: Sequence[Result]) -> str:
    """Return ``metrics.json``: per head a summary and every loss, and the number of trials by outcome.

    The summary has the decision (`choice`, `regret_bound`, `margin`, `decided`, `all_compared`: see `Ranking`; null
    where there is none), and of the choice, or where there is none of the loss with the best mean, the name, the test
    metrics (mean over its sound seeds) and the interval of the headline metric. Its paths are the same whichever losses
    were studied, so that experiments line up in ``dvc exp show``. They begin with ``best_``, because losses have names
    such as "iou", too. Beside it stands every loss with a sound trial and its metrics, so that ``dvc metrics diff``
    compares a loss with itself.
    """
    summary: dict[str, Any] = {ranking.head: _summary(ranking) | _losses(ranking) for ranking in headlines(rankings)}
    summary["trials"] = counts(results)
    return json.dumps(summary, indent=2) + "\n"


def _summary(ranking: Ranking) -> dict[str, Any]:
    best, name = ranking.best, ranking.metric.name
    summary: dict[str, Any] = {
        "choice": ranking.choice,
        "regret_bound": ranking.regret_bound,
        "margin": ranking.margin,
        "decided": ranking.decided,
        "all_compared": ranking.all_compared,
        "best_loss": best.loss if best else "none",
    }
    if best is None:
        return summary
    summary |= {f"best_{metric}": value for metric, value in _metrics(ranking.head, best).items()}
    if best.low is not None:
        summary |= {f"best_{name}_low": best.low, f"best_{name}_high": best.high}
    return summary


def _losses(ranking: Ranking) -> dict[str, dict[str, float]]:
    """The losses by name, so that another order of the ranking moves no lines of the file."""
    placed = sorted(ranking.placed, key=lambda standing: standing.loss)
    return {standing.loss: _metrics(ranking.head, standing) for standing in placed}


def _metrics(head: str, standing: Standing) -> dict[str, float]:
    means = standing.means
    return {name: means[name] for name in METRICS[head] if name in means}


def counts(results: Sequence[Result]) -> dict[str, int]:
    """Return how many losses, seeds and trials there are, and how many trials are sound, collapsed, diverged, missing.

    They are not at the top of the file, where DVC would confuse them with the parameters of the same names.
    """
    return {
        "losses": len({result.trial.loss for result in results}),
        "seeds": len({result.trial.seed for result in results}),
        "planned": len(results),
        "sound": sum(result.sound for result in results),
        "collapsed": sum(result.status == "finished" and not result.sound for result in results),
        "diverged": sum(result.status == DIVERGED for result in results),
        "missing": sum(result.missing for result in results),
    }
