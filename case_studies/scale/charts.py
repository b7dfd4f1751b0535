"""The charts of one ladder and head: each loss's mean, from small to large, and its curve beyond them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from fits import Curves
from ladder import Answer
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from overview import Judged, Verdict

from loss_study.report.palette import colours

#: Lines of text at the right end are at least this share of the axis apart.
GAP = 0.045
#: Bars at the end of curves are this factor apart, and the names beside them take this share of a logarithmic axis.
APART, NAMES = 1.15, 0.22
#: Colours of a choice that was surely right, may have been, surely was not.
VERDICTS = {Verdict.GOOD: "#2a9d8f", Verdict.OPEN: "#8d99ae", Verdict.BAD: "#d1495b"}
#: So that the same numbers give the same file.
_SAME = {"svg.hashsalt": "loss-study", "svg.fonttype": "none"}


def draw(answers: Sequence[Answer], label: str, path: Path) -> None:
    """Write an SVG: a line for each loss over the rungs, named at its end; a ring around each rung's choice.

    Args:
        answers: of one head, from small to large, at least two.
        label: of the metric, with its unit.
        path: of the file.
    """
    losses = list(dict.fromkeys(loss for answer in answers for loss in answer.means))
    colour = _colours(losses)
    with mpl.rc_context(_SAME):
        figure, axes = _empty()
        ends = {}
        for loss in losses:
            points = [(at, answer.means[loss]) for at, answer in enumerate(answers) if loss in answer.means]
            axes.plot(*zip(*points, strict=True), marker="o", markersize=4, color=colour[loss])
            ends[loss] = points[-1]
        for at, answer in enumerate(answers):
            if answer.choice in answer.means:
                axes.plot(at, answer.means[answer.choice], "o", markersize=12, fillstyle="none", color="black")
        _name_ends(axes, ends, len(answers) - 0.9, colour)
        axes.set_xticks(range(len(answers)), [answer.rung for answer in answers])
        axes.set_xlim(-0.2, len(answers) - 0.45)
        axes.set_ylabel(label)
        _save(figure, path)


def draw_curves(
    answers: Sequence[Answer],
    x: Sequence[float],
    curves: Mapping[str, Curves],
    last: float,
    labels: tuple[str, str],
    path: Path,
) -> None:
    """Write an SVG: each loss's means with their standard errors, its curve, dashed beyond them, and 95 % at its end.

    Args:
        answers: of one head, from small to large.
        x: of each answer, see `Curves`.
        curves: of each loss.
        last: x of the curves' end.
        labels: of both axes.
        path: of the file.
    """
    colour = _colours(list(curves))
    with mpl.rc_context(_SAME):
        figure, axes = _empty()
        ends = {}
        for place, (loss, curve) in enumerate(curves.items()):
            means, errors = [one.means[loss] for one in answers], [one.errors[loss] for one in answers]
            axes.errorbar(x, means, errors, fmt="o", markersize=4, color=colour[loss])
            for begin, end, style in ((x[0], x[-1], "-"), (x[-1], last, "--")):
                places = np.geomspace(begin, end, 100)
                axes.plot(places, curve.at(places)[0], style, color=colour[loss])
            value, low, high = curve.bounds(last)
            # Side by side, so that none hides another one.
            at = last * APART**place
            axes.vlines(at, low, high, color=colour[loss], linewidth=2)
            ends[loss] = (at, value)
        axes.set_xscale("log")
        right = last * APART ** len(curves)
        axes.set_xlim(x[0] / 1.3, right * (right / x[0]) ** NAMES)
        _name_ends(axes, ends, right * 1.4, colour)
        axes.set_xlabel(labels[0])
        axes.set_ylabel(labels[1])
        _save(figure, path)


def draw_judged(judged: Sequence[Judged], label: str, path: Path) -> None:
    """Write an SVG: the bounds of the regret of each smaller study's choice at the largest one, and the margin there.

    Args:
        judged: of one head; those without bounds are left out.
        label: of the metric, short.
        path: of the file.
    """
    shown = [one for one in judged if one.step.high is not None]
    with mpl.rc_context(_SAME):
        figure = Figure(figsize=(7, 1.1 + 0.32 * len(shown)), layout="constrained")
        axes = figure.subplots()
        for row, one in enumerate(shown):
            step, colour = one.step, VERDICTS[one.verdict]
            axes.plot([step.low or 0.0, step.high], [row, row], color=colour, linewidth=5, solid_capstyle="butt")
            axes.plot(
                step.worse, row, "o", color=colour, markersize=9, markeredgecolor="white", clip_on=False, zorder=3
            )
            axes.vlines(step.large.margin, row - 0.4, row + 0.4, color="black", linewidth=1.5)
        names = [f"{one.dataset}: {one.step.small.rung} → {one.step.large.rung}" for one in shown]
        axes.set_yticks(range(len(shown)), names)
        axes.set_ylim(len(shown) - 0.5, -0.5)
        axes.set_xlim(left=0)
        axes.grid(axis="x", alpha=0.3)
        axes.set_xlabel(f"worse than the best loss by so much {label}")
        _save(figure, path)


def _colours(losses: list[str]) -> dict[str, str]:
    return {loss: one.light for loss, one in colours(losses).items()}


def _empty() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    axes.grid(alpha=0.3)
    return figure, axes


def _name_ends(axes: Axes, ends: Mapping[str, tuple[float, float]], x: float, colour: Mapping[str, str]) -> None:
    """Write each loss's name at `x`, near the end of its line, above or below the others."""
    low, high = axes.get_ylim()
    for loss, y in apart({loss: y for loss, (_, y) in ends.items()}, GAP * (high - low)).items():
        axes.annotate(
            loss, ends[loss], (x, y), va="center", fontsize=9, color=colour[loss],
            arrowprops={"arrowstyle": "-", "color": colour[loss], "linewidth": 0.5},
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
