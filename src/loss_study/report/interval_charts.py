"""Charts with a row for each loss: an interval, a mark, and the numbers; ``macros/interval_chart.html.j2`` draws them.

Lengths are in units of the drawing, which is `WIDTH` wide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from loss_study.report.charts import Axis
from loss_study.statistics.ranking import BEST, EQUIVALENT, OPEN, WORSE, Ranking, Standing
from loss_study.statistics.sentences import at_least, at_most, group_titles, groups

WIDTH = 480
#: Charts with more rows than this have lower ones.
MANY = 12
_ROW, _LOW_ROW = 19.5, 14.5
_TEXT, _SMALL_TEXT = 12.5, 11.0
#: How wide a letter is at most, as a share of the size of the text.
_LETTER = 0.57
#: A row whose mark is off the axis ends in an arrow: the axis ends at this many times the margin or the bound.
FAR = 8
#: The same of a mean that lies this many times farther from the best one than that of the median loss.
FAR_MEAN = 6

#: The marks of a group.
SHAPES = {BEST: "disc", EQUIVALENT: "diamond", OPEN: "ring", WORSE: "square"}
_FAILED, _WITHOUT_RESULT = "Failed with at least one seed, not compared", "Without a result, not compared"


@dataclass(frozen=True)
class Row:
    """One loss.

    Attributes:
        loss: which loss.
        text: the numbers.
        title: the tooltip.
        shape: of the mark: "disc", "diamond", "ring", "square".
        chosen: whether it is the choice.
        low, middle, high: ends of the interval and place of the mark on the axis; None where there is none.
    """

    loss: str
    text: str
    title: str
    shape: str
    chosen: bool = False
    low: float | None = None
    middle: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Drawn:
    """A row in its place: `y` of its middle, ends of the interval and place of the mark, and where it is cut off."""

    row: Row
    y: float
    low: float | None
    middle: float | None
    high: float | None
    arrow: str


@dataclass(frozen=True)
class IntervalChart:
    """Rows in groups over a common axis, and perhaps a `margin` as a vertical line.

    Attributes:
        title, note: above it.
        alt: what is to be seen, in words.
        axis: of the intervals.
        groups: title, "" for none, and rows of each group.
        margin: place of the line on the axis, and its text.
    """

    title: str
    note: str
    alt: str
    axis: Axis
    groups: tuple[tuple[str, tuple[Row, ...]], ...]
    margin: tuple[float, str] | None = None

    @property
    def _rows(self) -> list[Row]:
        return [row for _, rows in self.groups for row in rows]

    @property
    def _row_height(self) -> float:
        return _ROW if len(self._rows) <= MANY else _LOW_ROW

    @property
    def size(self) -> float:
        """Of the text."""
        return _TEXT if len(self._rows) <= MANY else _SMALL_TEXT

    @property
    def left(self) -> float:
        """Where the axis begins, right of the names."""
        return 14 + max(len(row.loss) for row in self._rows) * _LETTER * self.size

    @property
    def right(self) -> float:
        """Where the axis ends, left of the numbers."""
        return WIDTH - 14 - max(len(row.text) for row in self._rows if row.middle is not None) * _LETTER * self.size

    @property
    def top(self) -> float:
        """Where the rows begin, below the name of the margin."""
        return 2 if self.margin is None else 18

    @property
    def bottom(self) -> float:
        """Where the axis is."""
        lines = len(self._rows) + sum(bool(title) for title, _ in self.groups)
        return self.top + lines * self._row_height + 2

    @property
    def height(self) -> float:
        """Of the whole chart."""
        return self.bottom + 20

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Place and text of every tick."""
        return [(self._x(tick), f"{tick:g}") for tick in self.axis.ticks]

    @property
    def margin_x(self) -> float | None:
        """Place of the line at the margin."""
        return None if self.margin is None else self._x(self.margin[0])

    @property
    def headings(self) -> list[tuple[float, str]]:
        """Height and text of the title of every group."""
        return [(y, item) for y, item in self._lines() if isinstance(item, str)]

    @property
    def rows(self) -> list[Drawn]:
        """The rows in their places."""
        return [self._drawn(y, item) for y, item in self._lines() if isinstance(item, Row)]

    def _lines(self) -> list[tuple[float, str | Row]]:
        items = [item for title, rows in self.groups for item in ([title] if title else []) + list(rows)]
        return [(self.top + (number + 0.5) * self._row_height, item) for number, item in enumerate(items)]

    def _drawn(self, y: float, row: Row) -> Drawn:
        if row.middle is None:
            return Drawn(row, y, None, None, None, "")
        ends = [row.middle if end is None else end for end in (row.low, row.high)]
        place = self.axis.percent(row.middle)
        arrow = "left" if self.axis.percent(ends[0]) < -1e-6 else "right" if self.axis.percent(ends[1]) > 100 else ""
        middle = self._x(row.middle) if -1e-6 <= place <= 100 else None
        return Drawn(row, y, self._x(ends[0]), middle, self._x(ends[1]), arrow)

    def _x(self, value: float) -> float:
        return self.left + self.axis.clipped(value) / 100 * (self.right - self.left)


def answer_chart(ranking: Ranking) -> IntervalChart | None:
    """Return the regrets of the losses in their groups; where nothing is known of them, what the trials scored.

    None where no trial is sound.
    """
    if not ranking.placed:
        return None
    known = ranking.regret_bound is not None and not ranking.without_spread
    return regret_chart(ranking) if known else means_chart(ranking)


def regret_chart(ranking: Ranking) -> IntervalChart:
    """Return how much worse than the best each loss may be; the ranking is on a headline metric and has a bound."""
    metric, margin = ranking.metric, ranking.margin
    assert margin is not None and ranking.regret_bound is not None
    titles = group_titles(ranking).items()
    parts = [(title, tuple(_regret(ranking, row) for row in ranking.group(name))) for name, title in titles]
    parts += _not_compared([row for row in ranking.standings if not row.group])
    highs = [row.regret_high for row in ranking.compared if row.regret_high is not None]
    limit = FAR * max(margin, ranking.regret_bound)
    near = [min(high, limit) for high in highs]
    return IntervalChart(
        title=f"How much worse than the best: {metric.label_with_unit}",
        note="line: 95 % interval, for all losses together; mark: difference of means",
        alt=f"{ranking.head}: how much worse than the best each loss may be. {' '.join(groups(ranking))}",
        axis=Axis.around([0.0, margin, *near], ticks=4),
        groups=tuple(part for part in parts if part[1]),
        margin=(margin, f"margin {metric.show(margin)}"),
    )


def means_chart(ranking: Ranking, title: str = "") -> IntervalChart:
    """Return the mean of each loss that has a sound trial, with its interval where it has one."""
    metric = ranking.metric
    means = {row.loss: row.mean for row in ranking.placed if row.mean is not None}
    best = means[ranking.placed[0].loss]
    reach = FAR_MEAN * median(abs(means[row.loss] - best) for row in ranking.compared)
    near = [row for row in ranking.placed if abs(means[row.loss] - best) <= max(reach, 1e-12)]
    rows = tuple(_mean(ranking, row) for row in ranking.placed)
    direction = "higher" if metric.higher_is_better else "lower"
    intervals = any(row.low is not None for row in ranking.placed)
    over = "over new images of these trained networks" if ranking.of_networks else "for all losses together"
    note = f"{direction} is better" + (f"; line: 95 % interval, {over}" if intervals else "")
    return IntervalChart(
        title=title or f"Mean on the test images: {metric.label_with_unit}",
        note=note,
        alt=f"{ranking.head}: {metric.label_with_unit}, best first: {', '.join(row.title for row in rows)}",
        axis=Axis.around((end for row in near for end in (row.low, row.mean, row.high) if end is not None), ticks=4),
        groups=tuple(part for part in [("", rows), *_not_compared(ranking.failed)] if part[1]),
    )


def _regret(ranking: Ranking, row: Standing) -> Row:
    metric = ranking.metric
    assert row.regret_low is not None and row.regret_high is not None and row.mean is not None
    means = [one.mean for one in ranking.compared if one.mean is not None]
    best = max(means) if metric.higher_is_better is not False else min(means)
    high = at_most(metric, row.regret_high)
    text = f"{at_least(metric, row.regret_low)} to {high}" if row.regret_low > 0 else f"at most {high}"
    known = f"worse than the best by {metric.with_unit(text)}"
    if row.regret_high == 0:
        text = known = "none is better" if ranking.all_compared else "none compared is better"
    return Row(
        row.loss,
        text,
        f"{row.loss}: {known}; mean {metric.with_unit(metric.show(row.mean))}",
        SHAPES[row.group],
        row.loss == ranking.choice,
        row.regret_low,
        min(max(abs(row.mean - best), row.regret_low), row.regret_high),
        row.regret_high,
    )


def _mean(ranking: Ranking, row: Standing) -> Row:
    metric = row.metric
    text = metric.show(row.mean)
    title = f"{row.loss} {text}"
    if row.low is not None and row.high is not None:
        title += f" (95 % interval {metric.show(row.low)} to {metric.show(row.high)})"
    if row.failed:
        text = f"{text}, {row.trials} of {len(row.results)} seeds"
    first = ranking.is_headline and row is ranking.best
    return Row(row.loss, text, title, "ring" if row.failed else "disc", first, row.low, row.mean, row.high)


def _not_compared(rows: Sequence[Standing]) -> list[tuple[str, tuple[Row, ...]]]:
    """Return the losses of which a trial failed, then those that lack a result, each with a title."""
    failed = tuple(_failure(row) for row in rows if not row.without_result)
    return [(_FAILED, failed), (_WITHOUT_RESULT, tuple(_failure(row) for row in rows if row.without_result))]


def _failure(row: Standing) -> Row:
    missing = sum(result.missing for result in row.failed)
    counts = {"failed": len(row.failed) - missing, "without a result": missing}
    text = ", ".join(f"{count} of {len(row.results)} trials {how}" for how, count in counts.items() if count)
    return Row(
        row.loss, text, f"{row.loss}: {'; '.join(dict.fromkeys(result.failure for result in row.failed))}", "ring"
    )
