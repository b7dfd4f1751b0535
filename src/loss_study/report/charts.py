"""The geometry of the page's charts, in percent of the plotting area; the template draws them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from matplotlib.ticker import MaxNLocator

from loss_study.statistics.ranking import Ranking
from loss_study.statistics.results import Result

#: Values that differ by less than this share count as one, which gets an axis that far to either side.
SAME, MARGIN = 1e-6, 0.1


@dataclass(frozen=True)
class Axis:
    """A linear axis from `low` to `high` with round ticks."""

    low: float
    high: float
    ticks: tuple[float, ...]

    @classmethod
    def around(cls, values: Iterable[float], ticks: int = 5) -> Axis:
        """Return an axis that holds all finite `values`, ending at round numbers; a single value is its middle."""
        finite = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
        low, high = min(finite), max(finite)
        if high - low <= SAME * abs(high):
            margin = MARGIN * abs(high) or 1.0
            low, high = low - margin, high + margin
        locator = MaxNLocator(ticks, steps=[1, 2, 2.5, 5, 10])
        places = [float(place) for place in locator.tick_values(low, high)]
        return cls(places[0], places[-1], tuple(places))

    def percent(self, value: float) -> float:
        """Return the position of `value`, 0 at `low` and 100 at `high`; unclipped."""
        return 100 * (value - self.low) / (self.high - self.low)

    def clipped(self, value: float) -> float:
        """Return the position of `value`, held within the axis."""
        return min(100.0, max(0.0, self.percent(value)))

    @property
    def labels(self) -> list[tuple[float, str]]:
        """Position and text of every tick."""
        return [(self.percent(tick), f"{tick:g}") for tick in self.ticks]


@dataclass(frozen=True)
class Line:
    """One curve: `points` for an SVG polyline, y downwards, and what it says when pointed at.

    A line that is not `sound` is dashed: a failed trial, or, without a `loss`, something to compare with.
    """

    loss: str
    sound: bool
    points: str
    title: str


@dataclass(frozen=True)
class CurveChart:
    """Lines over a common x axis: one per trial over the epochs, or one per loss over something else."""

    title: str
    note: str
    x: Axis
    y: Axis
    lines: tuple[Line, ...]


def validation_chart(ranking: Ranking) -> CurveChart:
    """Return the head's metric on the validation split, epoch by epoch."""
    direction = "higher" if ranking.metric.higher_is_better else "lower"
    curves = [(result, _column(result, "validation")) for result in _in_order(ranking)]
    return _chart(f"{ranking.metric.label} on validation, by epoch", f"{direction} is better", curves)


def training_chart(ranking: Ranking) -> CurveChart:
    """Return each trial's training loss as a share of its own first epoch: losses have no common unit."""
    curves = [(result, _relative(_column(result, "train_loss"))) for result in _in_order(ranking)]
    return _chart(
        "Training loss, first epoch = 1",
        "each loss in its own unit: compare shapes, not heights",
        curves,
    )


def _in_order(ranking: Ranking) -> list[Result]:
    return [result for standing in ranking.standings for result in standing.results if result.history]


def _column(result: Result, name: str) -> list[tuple[float, float]]:
    return [(float(row["epoch"]), float(row[name] or "nan")) for row in result.history]


def _relative(curve: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    first = curve[0][1]
    return [(epoch, value / first if first else math.nan) for epoch, value in curve]


def _chart(title: str, note: str, curves: Sequence[tuple[Result, list[tuple[float, float]]]]) -> CurveChart:
    # A failed trial may run off by orders of magnitude: it is drawn, clipped, but does not set the scale.
    setting = [curve for result, curve in curves if result.sound] or [curve for _, curve in curves]
    epochs = [epoch for _, curve in curves for epoch, _ in curve] or [1.0]
    x = Axis(min(epochs), max(*epochs, min(epochs) + 1), _epoch_ticks(min(epochs), max(epochs)))
    y = Axis.around(value for curve in setting for _, value in curve)
    lines = tuple(Line(r.trial.loss, r.sound, points(x, y, curve), _title(r)) for r, curve in curves)
    return CurveChart(title, note, x, y, lines)


def _epoch_ticks(first: float, last: float) -> tuple[float, ...]:
    step = max(1, round((last - first) / 7))
    return tuple(float(epoch) for epoch in range(int(first), int(last) + 1, step))


def points(x: Axis, y: Axis, curve: Sequence[tuple[float, float]]) -> str:
    """Return the `points` of an SVG polyline through what is finite of `curve`, y downwards, in percent."""
    places = [f"{x.percent(epoch):.2f},{100 - y.percent(value):.2f}" for epoch, value in curve if math.isfinite(value)]
    # A line of one point is invisible; drawn to itself, its round cap is a dot.
    return " ".join(places * 2 if len(places) == 1 else places)


def _title(result: Result) -> str:
    name = f"{result.trial.loss}, seed {result.trial.seed}"
    return f"{name} ({result.failure})" if result.failure else name
