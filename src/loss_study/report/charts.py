"""The geometry of charts with lines, in percent of the plotting area; ``macros/curve_chart.html.j2`` draws them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from matplotlib.ticker import MaxNLocator

#: Values that differ by less than this share count as equal.
SAME = 1e-6
#: How far an axis around equal values extends to either side, as a share of the value.
MARGIN = 0.1


@dataclass(frozen=True)
class Axis:
    """A linear axis from `low` to `high` with round ticks."""

    low: float
    high: float
    ticks: tuple[float, ...]

    @classmethod
    def around(cls, values: Iterable[float], ticks: int = 5) -> Axis:
        """Return an axis that holds all finite `values`, ending at round numbers; equal values are in its middle."""
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
    """One line of a chart.

    Attributes:
        loss: which loss; "" for a guide, such as the diagonal of a calibration chart.
        sound: False for a failed trial and for a guide, which are dashed.
        points: of an SVG polyline, y downwards.
        title: the tooltip.
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


def points(x: Axis, y: Axis, curve: Sequence[tuple[float, float]]) -> str:
    """Return the points of an SVG polyline through the finite values of `curve`, y downwards, in percent."""
    places = [f"{x.percent(epoch):.2f},{100 - y.percent(value):.2f}" for epoch, value in curve if math.isfinite(value)]
    # A line of one point is invisible; drawn to itself, its round cap is a dot.
    return " ".join(places * 2 if len(places) == 1 else places)
