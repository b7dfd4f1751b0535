"""The chart of one ladder and head: each loss's mean, from small to large."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
from ladder import Answer
from matplotlib.figure import Figure

from loss_study.report.palette import colours

#: Lines of text at the right end are at least this share of the axis apart.
GAP = 0.045
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
    colour = {loss: one.light for loss, one in colours(losses).items()}
    with mpl.rc_context(_SAME):
        figure = Figure(figsize=(7, 4), layout="constrained")
        axes = figure.subplots()
        ends = {}
        for loss in losses:
            points = [(at, answer.means[loss]) for at, answer in enumerate(answers) if loss in answer.means]
            axes.plot(*zip(*points, strict=True), marker="o", markersize=4, color=colour[loss])
            ends[loss] = points[-1]
        for at, answer in enumerate(answers):
            if answer.choice in answer.means:
                axes.plot(at, answer.means[answer.choice], "o", markersize=12, fillstyle="none", color="black")
        low, high = axes.get_ylim()
        for loss, y in apart({loss: y for loss, (_, y) in ends.items()}, GAP * (high - low)).items():
            axes.annotate(
                loss, ends[loss], (len(answers) - 0.9, y), va="center", fontsize=9, color=colour[loss],
                arrowprops={"arrowstyle": "-", "color": colour[loss], "linewidth": 0.5},
            )  # fmt: skip
        axes.set_xticks(range(len(answers)), [answer.rung for answer in answers])
        axes.set_xlim(-0.2, len(answers) - 0.45)
        axes.set_ylabel(label)
        axes.grid(alpha=0.3)
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
