"""The geometry of charts with lines; ``macros/curve_chart.html.j2`` draws them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from matplotlib.ticker import MaxNLocator

#: Values that differ by less than this share count as equal.
SAME = 1e-6
#: How far an axis around equal values extends to either side, as a share of the value.
MARGIN = 0.1
#: Least height of the plotting area, and the height of a label at the end of a line, in units of the drawing.
HEIGHT = 220
LABEL = 13
#: Where the plotting area ends, and how wide a letter is at most.
RIGHT = 342
LETTER = 7


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
        points: of an SVG polyline in percent, y downwards.
        title: the tooltip.
    """

    loss: str
    sound: bool
    points: str
    title: str

    @property
    def end(self) -> tuple[float, float]:
        """The last point, in percent, held within the chart."""
        x, y = self.points.rpartition(" ")[2].split(",")
        return float(x), min(100.0, max(0.0, float(y)))


@dataclass(frozen=True)
class Label:
    """The name of a loss beside the end of its lines; `x`, `y` are the mean end, `place` is its own height."""

    loss: str
    x: float
    y: float
    place: float


@dataclass(frozen=True)
class CurveChart:
    """Lines over a common x axis: one per trial over the epochs, or one per loss over something else."""

    title: str
    note: str
    x: Axis
    y: Axis
    lines: tuple[Line, ...]

    @property
    def height(self) -> int:
        """Of the plotting area: every label has room."""
        return max(HEIGHT, LABEL * len({line.loss for line in self.lines}))

    @property
    def width(self) -> float:
        """Of the whole chart: right of the plotting area the names of the losses have room."""
        return RIGHT + 20 + LETTER * max((len(line.loss) for line in self.lines), default=0)

    @property
    def labels(self) -> list[Label]:
        """A label for each loss, in percent of the plotting area, from the top; none overlaps another."""
        losses = dict.fromkeys(line.loss for line in self.lines if line.loss and line.points)
        ends = sorted((self._end(loss) for loss in losses), key=lambda end: (end[2], end[0]))
        places = apart([y for *_, y in ends], 100 * LABEL / self.height)
        return [Label(loss, x, y, place) for (loss, x, y), place in zip(ends, places, strict=True)]

    def _end(self, loss: str) -> tuple[str, float, float]:
        lines = [line for line in self.lines if line.loss == loss and line.points]
        ends = [line.end for line in lines if line.sound] or [line.end for line in lines]
        return loss, fmean(x for x, _ in ends), fmean(y for _, y in ends)


def apart(places: Sequence[float], gap: float) -> list[float]:
    """Move ascending `places` between 0 and 100 until all are at least `gap` apart, and stay in there if they can."""
    moved: list[float] = []
    for place in places:
        moved.append(max(place, moved[-1] + gap) if moved else place)
    for number in reversed(range(len(moved))):
        moved[number] = min(moved[number], 100 - gap * (len(moved) - 1 - number))
    return moved


def points(x: Axis, y: Axis, curve: Sequence[tuple[float, float]]) -> str:
    """Return the points of an SVG polyline through the finite values of `curve`, y downwards, in percent."""
    places = [f"{x.percent(epoch):.2f},{100 - y.percent(value):.2f}" for epoch, value in curve if math.isfinite(value)]
    # A line of one point is invisible; drawn to itself, its round cap is a dot.
    return " ".join(places * 2 if len(places) == 1 else places)
