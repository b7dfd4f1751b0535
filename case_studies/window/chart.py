"""The chart: each training's error against the share of the image that its window sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
from findings import ALIGNED, CODED, REFERENCE, Trained
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from loss_study.metrics import Metric

#: Of each size, from small to large: a colour, distinct with any colour vision, and where a number stands beside a dot.
_LOOKS = (("#0f6fb5", (-22, -14)), ("#d1495b", (7, 6)), ("#2a9d8f", (7, -14)))
#: So that the same numbers give the same file.
_SAME = {"svg.hashsalt": "loss-study", "svg.fonttype": "none"}


def draw(studies: Sequence[Trained], windows: Mapping[str, int], path: Path) -> None:
    """Write an SVG with a panel for each metric: a dot for each training, a line through the means.

    Args:
        studies: of one dataset, at most three.
        windows: sides in pixels, by loss, from narrow to wide.
        path: of the file.
    """
    with mpl.rc_context(_SAME):
        # One above the other: a phone shrinks a chart to its own width, and the text with it.
        figure = Figure(figsize=(5, 6.5), layout="constrained")
        for axes, metric in zip(figure.subplots(2, sharex=True), (CODED, ALIGNED), strict=True):
            for study, (colour, away) in zip(studies, _LOOKS, strict=False):
                _draw_study(axes, study, windows, metric, colour, away)
            axes.set_title(metric.label, fontsize=10)
            axes.set_xlim(0, 85)
            axes.margins(y=0.1)
            axes.grid(alpha=0.3)
        figure.axes[0].legend(fontsize=9, loc="upper right")
        figure.axes[-1].set_xlabel("window, % of the image's side")
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Date": None}, facecolor="white")


def _draw_study(
    axes: Axes, study: Trained, windows: Mapping[str, int], metric: Metric, colour: str, away: tuple[int, int]
) -> None:
    shares = [100 * side / study.size for side in windows.values()]
    for loss, share in zip(windows, shares, strict=True):
        errors = study.errors[metric.name][loss]
        axes.plot([share] * len(errors), errors, "o", color=colour, markersize=4, alpha=0.35, markeredgewidth=0)
    means = [study.mean(metric, loss) for loss in windows]
    axes.plot(shares, means, "o-", color=colour, markersize=6, label=f"SSIM, images of {study.size} px")
    for share, mean, side in zip(shares, means, windows.values(), strict=True):
        axes.annotate(
            f"{side} px", (share, mean), away, textcoords="offset points", fontsize=9, color=colour,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.5},
        )  # fmt: skip
    reference = study.mean(metric, REFERENCE)
    axes.axhline(reference, color=colour, linestyle="--", label=f"{REFERENCE}, images of {study.size} px")
