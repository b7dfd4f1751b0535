"""The bound of the regret after each round; ``macros/bound_chart.html.j2`` draws it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loss_study.report.charts import Axis
from loss_study.statistics.race import Entry
from loss_study.statistics.sentences import at_most, listed, no_other

#: The plotting area, in units of the drawing.
LEFT, RIGHT, TOP, BOTTOM = 30.0, 360.0, 18.0, 58.0


@dataclass(frozen=True)
class Step:
    """One round: its place, the bound in words, the number of trials, and the tooltip."""

    x: float
    y: float
    bound: str
    trials: str
    title: str


@dataclass(frozen=True)
class BoundChart:
    """The bounds of one head, `margin_y` and `margin` being the place of the margin and its text."""

    title: str
    alt: str
    steps: tuple[Step, ...]
    margin_y: float
    margin: str

    @property
    def points(self) -> str:
        """Of an SVG polyline."""
        return " ".join(f"{step.x:.1f},{step.y:.1f}" for step in self.steps)


def bound_chart(history: Sequence[Entry], head: str) -> BoundChart | None:
    """Return the chart of `head`; None with fewer than two rounds that have a bound."""
    entries = [entry for entry in history if entry.head == head and entry.regret_bound is not None]
    if len(entries) < 2 or entries[-1].margin is None:
        return None
    metric, margin = entries[-1].metric, entries[-1].margin
    bounds = [entry.regret_bound for entry in entries if entry.regret_bound is not None]
    x = Axis(0.0, len(entries) - 1.0, ())
    y = Axis(0.0, max(*bounds, margin), ())
    texts = [at_most(metric, bound) for bound in bounds]
    steps = [
        Step(
            LEFT + x.percent(place) / 100 * (RIGHT - LEFT),
            _height(y, bound),
            text,
            f"{entry.trials} trials",
            f"round {entry.round}, {entry.trials} trials: {no_other(entry.all_compared)} is "
            f"{f'more than {metric.with_unit(text)} ' if bound else ''}better than {entry.choice}{_dropped(entry)}",
        )
        for place, (entry, bound, text) in enumerate(zip(entries, bounds, texts, strict=True))
    ]
    alt = (
        f"{head}: the bound after {listed([f'{entry.trials} trials' for entry in entries])} is "
        f"{metric.with_unit(listed(texts))}; the margin is {metric.with_unit(metric.show(margin))}"
    )
    return BoundChart(
        f"The bound after each round: {metric.label_with_unit}",
        alt,
        tuple(steps),
        _height(y, margin),
        f"margin {metric.show(margin)}",
    )


def _height(y: Axis, value: float) -> float:
    return BOTTOM - y.percent(value) / 100 * (BOTTOM - TOP)


def _dropped(entry: Entry) -> str:
    return f"; then without {listed(entry.dropped)}" if entry.dropped else ""
