"""Validation metric and training loss by epoch, one line per trial."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean

from loss_study.report.charts import Axis, CurveChart, Line, points
from loss_study.statistics.ranking import Ranking, Standing
from loss_study.statistics.results import Result

#: (epoch, value) of every epoch.
Curve = Sequence[tuple[float, float]]


def curve_charts(ranking: Ranking) -> list[CurveChart]:
    """Return the charts of a head."""
    return [validation_chart(ranking), training_chart(ranking)]


def finding(rankings: Sequence[Ranking]) -> str:
    """Return between which values of the validation metric the losses end, and how many trials were best at the end."""
    found = [sentence for ranking in rankings if (sentence := _ends(ranking))]
    trials = [one for ranking in rankings for row in ranking.standings for one in row.sound if one.best_epoch]
    last = sum(one.best_epoch == int(one.history[-1]["epoch"]) for one in trials)
    if trials:
        found.append(f"The last epoch is the best one of {last} of {len(trials)} trials.")
    return " ".join(found)


def _ends(ranking: Ranking) -> str:
    """Return the lowest and the highest mean of the last validation values of a loss's sound trials."""
    metric, head = ranking.metric, ranking.head.capitalize()
    ends = {row.loss: end for row in ranking.placed if (end := _end(row)) is not None}
    if not ends:
        return ""
    low, high = min(ends, key=ends.__getitem__), max(ends, key=ends.__getitem__)
    what = f"{head}: validation {metric.short_label} ends at {metric.show(ends[low])}"
    if metric.show(ends[low]) == metric.show(ends[high]):
        return f"{what}."
    return f"{what} ({low}) to {metric.show(ends[high])} ({high})."


def _end(row: Standing) -> float | None:
    curves = [_column(result, "validation") for result in row.sound if result.history]
    ends = [curve[-1][1] for curve in curves if math.isfinite(curve[-1][1])]
    return fmean(ends) if ends else None


def validation_chart(ranking: Ranking) -> CurveChart:
    """Return the head's metric on the validation split, epoch by epoch."""
    direction = "higher" if ranking.metric.higher_is_better else "lower"
    curves = [(result, _column(result, "validation")) for result in _in_order(ranking)]
    return _chart(f"{ranking.metric.label_with_unit} on validation, by epoch", f"{direction} is better", curves)


def training_chart(ranking: Ranking) -> CurveChart:
    """Return each trial's training loss relative to its own first epoch: losses have no common unit."""
    curves = [(result, _relative(_column(result, "train_loss"))) for result in _in_order(ranking)]
    return _chart(
        "Training loss, first epoch = 1",
        "each loss has its own unit: compare shapes, not heights",
        curves,
    )


def _in_order(ranking: Ranking) -> list[Result]:
    return [result for standing in ranking.standings for result in standing.results if result.history]


def _column(result: Result, name: str) -> Curve:
    return [(float(row["epoch"]), float(row[name] or "nan")) for row in result.history]


def _relative(curve: Curve) -> Curve:
    first = curve[0][1]
    return [(epoch, value / first if first else math.nan) for epoch, value in curve]


def _chart(title: str, note: str, curves: Sequence[tuple[Result, Curve]]) -> CurveChart:
    # A failed trial may be orders of magnitude off: it is drawn, clipped, but does not set the scale.
    scaling = [curve for result, curve in curves if result.sound] or [curve for _, curve in curves]
    epochs = [epoch for _, curve in curves for epoch, _ in curve] or [1.0]
    x = Axis(min(epochs), max(*epochs, min(epochs) + 1), _epoch_ticks(min(epochs), max(epochs)))
    y = Axis.around(value for curve in scaling for _, value in curve)
    lines = tuple(Line(r.trial.loss, r.sound, points(x, y, curve), _title(r)) for r, curve in curves)
    return CurveChart(title, note, x, y, lines)


def _epoch_ticks(first: float, last: float) -> tuple[float, ...]:
    step = max(1, round((last - first) / 7))
    return tuple(float(epoch) for epoch in range(int(first), int(last) + 1, step))


def _title(result: Result) -> str:
    name = f"{result.trial.loss}, seed {result.trial.seed}"
    return f"{name} ({result.failure})" if result.failure else name
