"""The charts: each loss's means on one ladder, from small to large, and all choices, judged by larger studies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from fits import Growth
from ladder import NORMAL, Answer, Step
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from overview import Judged, Verdict

from loss_study.metrics import Metric
from loss_study.report.palette import colours
from loss_study.statistics.sentences import at_most

#: Lines of text at the right end are at least this share of the axis apart.
GAP = 0.045
#: The losses of one study are drawn this far apart, of the mean distance of two studies.
BESIDE = 0.035
#: Colours of a choice that was surely right, may have been, surely was not.
VERDICTS = {Verdict.GOOD: "#2a9d8f", Verdict.OPEN: "#8d99ae", Verdict.BAD: "#d1495b"}
#: Bars that are longer than so many margins are cut off, with their numbers beside them: the others must stay readable.
LONGEST = 6
#: In inches. A phone shrinks a chart to its own width, and the text with it.
WIDTH = 5
#: Space for the names at the right end, and beyond the highest and the lowest mean, as shares of the data's.
NAMES, BEYOND = 0.56, 0.06
#: The salt, so that the same numbers give the same file.
_LOOK = {"svg.hashsalt": "loss-study", "svg.fonttype": "none", "xtick.labelsize": 9, "ytick.labelsize": 9}


def draw(answers: Sequence[Answer], metric: Metric, path: Path, growth: Growth | None = None) -> None:
    """Write an SVG: each loss's means with 95 % intervals, named at the end, and a ring around each choice.

    Args:
        answers: of one head, from small to large, at least two.
        metric: of the means; errors have a logarithmic axis, on which the best are not pressed together by the worst.
        path: of the file.
        growth: puts the studies on a logarithmic axis, and draws the curves that fit; else lines join the means.
    """
    losses = list(dict.fromkeys(loss for answer in answers for loss in answer.means))
    colour = {loss: one.light for loss, one in colours(losses).items()}
    places = np.arange(len(answers)) if growth is None else np.log10(growth.x)
    laws = {} if growth is None else {loss: law for loss, law in growth.laws.items() if law.fits}
    span = places[-1] - places[0]
    with mpl.rc_context(_LOOK):
        figure = Figure(figsize=(WIDTH, 4.2), layout="constrained")
        axes = figure.subplots()
        axes.grid(alpha=0.3)
        _scale(axes, answers, metric)
        ends = {}
        for number, loss in enumerate(losses):
            # Side by side, so that no interval hides another one.
            shift = BESIDE * span / max(len(answers) - 1, 2) * (number - (len(losses) - 1) / 2)
            ends[loss] = _draw_loss(axes, loss, answers, places + shift, colour[loss])
            if loss in laws:
                along = np.linspace(places[0], places[-1], 100)
                axes.plot(along, laws[loss].at(10**along), color=colour[loss])
            else:
                axes.plot(*_points(loss, answers, places + shift), color=colour[loss], linestyle=":" if laws else "-")
        _name_ends(axes, ends, places[-1] + 0.12 * span, colour)
        ticks = [answer.rung for answer in answers]
        if growth is not None:
            ticks = [f"{rung}: {x:,.0f}" for rung, x in zip(ticks, growth.x, strict=True)]
            axes.set_xlabel(f"{growth.unit} (logarithmic)")
        axes.set_xticks(places, ticks, rotation=25, ha="right")
        axes.set_xlim(places[0] - 0.12 * span, places[-1] + NAMES * span)
        axes.set_ylabel(metric.label_with_unit)
        _save(figure, path)


def _scale(axes: Axes, answers: Sequence[Answer], metric: Metric) -> None:
    """Let the axis end a little beyond the means: one wide interval would press all lines together."""
    means = [mean for answer in answers for mean in answer.means.values()]
    low, high = min(means), max(means)
    if metric.higher_is_better is False:
        axes.set_yscale("log")
        axes.set_ylim(low * (low / high) ** BEYOND, high * (high / low) ** BEYOND)
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 1.5, 2.0, 3.0, 5.0, 7.0)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        axes.set_ylim(low - BEYOND * (high - low), high + BEYOND * (high - low))


def _points(loss: str, answers: Sequence[Answer], places: np.ndarray) -> tuple[list[float], list[float]]:
    own = [(float(x), answer.means[loss]) for x, answer in zip(places, answers, strict=True) if loss in answer.means]
    return [x for x, _ in own], [mean for _, mean in own]


def _draw_loss(
    axes: Axes, loss: str, answers: Sequence[Answer], places: np.ndarray, colour: str
) -> tuple[float, float]:
    """Draw the means of one loss at `places` with intervals, and rings where it is chosen; return the last mean.

    A cross is the mean of a loss that was not compared; its interval may be as wide as the axis.
    """
    x, means = _points(loss, answers, places)
    own = [answer for answer in answers if loss in answer.means]
    for place, mean, answer in zip(x, means, own, strict=True):
        compared = loss in answer.compared
        if compared:
            axes.errorbar(place, mean, NORMAL * answer.errors[loss], fmt="none", color=colour, linewidth=1, alpha=0.5)
        axes.plot(place, mean, "o" if compared else "x", markersize=4 if compared else 6, color=colour)
        if answer.choice == loss:
            axes.plot(place, mean, "o", markersize=12, fillstyle="none", color="black")
    return x[-1], means[-1]


def draw_judged(judged: Sequence[Judged], metric: Metric, path: Path) -> None:
    """Write an SVG with a panel for each dataset: the bounds of the regret of all choices, and the margins.

    Args:
        judged: of one head; those without bounds are left out.
        metric: that its losses are ranked by.
        path: of the file.
    """
    shown = [one for one in judged if one.step.high is not None]
    panels = {
        name: [one for one in shown if one.dataset == name] for name in dict.fromkeys(one.dataset for one in shown)
    }
    with mpl.rc_context(_LOOK):
        figure = Figure(figsize=(WIDTH, 0.4 + 0.55 * len(panels) + 0.22 * len(shown)), layout="constrained")
        heights = [len(own) for own in panels.values()]
        all_axes = figure.subplots(len(panels), squeeze=False, height_ratios=heights)[:, 0]
        for axes, (dataset, own) in zip(all_axes, panels.items(), strict=True):
            right = _right_end([one.step for one in own])
            for row, one in enumerate(own):
                _draw_bounds(axes, row, one, metric, right)
            axes.set_title(dataset, fontsize=10)
            axes.set_yticks(range(len(own)), [f"{one.step.small.rung} → {one.step.large.rung}" for one in own])
            axes.set_ylim(len(own) - 0.5, -0.5)
            axes.set_xlim(0, right)
            axes.grid(axis="x", alpha=0.3)
        figure.supxlabel(f"worse than the best compared loss by so much {metric.short_label}", fontsize=10)
        _save(figure, path)


def _draw_bounds(axes: Axes, row: int, one: Judged, metric: Metric, right: float) -> None:
    """Draw the bar, the difference of the means and the margin of one choice, up to `right`."""
    step, colour = one.step, VERDICTS[one.verdict]
    axes.plot([step.low, step.high], [row, row], color=colour, linewidth=4, solid_capstyle="butt")
    if step.worse <= right:
        axes.plot(step.worse, row, "o", color=colour, markersize=8, markeredgecolor="white", clip_on=False, zorder=3)
    axes.vlines(step.large.margin, row - 0.4, row + 0.4, color="black", linewidth=1.5)
    if step.high > right:
        numbers = f"{metric.show(step.worse)}, at most {at_most(metric, step.high)} →"
        axes.annotate(numbers, (right, row - 0.15), ha="right", va="bottom", fontsize=9)


def _right_end(steps: Sequence[Step]) -> float:
    """Return where the axis ends: a little beyond the longest bar that is not cut off."""
    longest = max((step.high for step in steps), default=1.0)
    margins = [step.large.margin for step in steps if step.large.margin is not None]
    return min(1.05 * longest, LONGEST * max(margins)) if margins else 1.05 * longest


def _name_ends(axes: Axes, ends: Mapping[str, tuple[float, float]], x: float, colour: Mapping[str, str]) -> None:
    """Write each loss's name at `x`, near the end of its line, above or below the others."""
    up = axes.transData + axes.transAxes.inverted()
    placed = apart({loss: float(up.transform(end)[1]) for loss, end in ends.items()}, GAP)
    # Inside the frame.
    shift = min(0.0, 1 - GAP / 2 - max(placed.values())) + max(0.0, GAP / 2 - min(placed.values()))
    for loss, height in placed.items():
        axes.annotate(
            loss, ends[loss], (x, height + shift), textcoords=axes.get_xaxis_transform(), va="center", fontsize=9,
            color=colour[loss], arrowprops={"arrowstyle": "-", "color": colour[loss], "linewidth": 0.5},
        )  # fmt: skip


def _save(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None}, facecolor="white")


def apart(heights: Mapping[str, float], gap: float) -> dict[str, float]:
    """Return `heights` with each at least `gap` above the next lower one, and the same mean."""
    placed: dict[str, float] = {}
    last = float("-inf")
    for name in sorted(heights, key=lambda one: heights[one]):
        last = placed[name] = max(heights[name], last + gap)
    # What was pushed up is brought back around its middle.
    shift = sum(placed[name] - heights[name] for name in placed) / len(placed) if placed else 0.0
    return {name: y - shift for name, y in placed.items()}
