"""IoU by the size of the object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loss_study.report.charts import Axis, CurveChart
from loss_study.report.error_analysis.evidence import Evidence, contrasted
from loss_study.report.error_analysis.line_charts import Curve, curves_by_loss, line_chart

BINS = 5
#: A bin with fewer images is too noisy.
LEAST_IMAGES = 5
SHOW = "{:+.3f}".format


@dataclass(frozen=True)
class SizeBin:
    """Test images with objects of similar size: their places in the split, and their median share of foreground."""

    places: np.ndarray
    foreground: float


def charts(evidence: Sequence[Evidence]) -> list[CurveChart]:
    """Return the chart of IoU by object size, where there are enough images."""
    curves = curves_by_loss(evidence, iou_by_size)
    if not curves:
        return []
    places = [x for curve in curves.values() for x, _ in curve]
    return [
        line_chart(
            "IoU by size of the object",
            f"% of the image; test images in {len(next(iter(curves.values())))} groups of equal number",
            curves,
            x=Axis.around([0.0, *places]),
        )
    ]


def sentences(evidence: Sequence[Evidence]) -> list[str]:
    """Return the IoU of the smallest and of the largest objects."""
    curves = curves_by_loss(evidence, iou_by_size)
    if not curves:
        return []
    loss, curve = next(iter(curves.items()))
    (small, of_small), (large, of_large) = curve[0], curve[-1]
    sentence = (
        f"With {loss} the smallest objects (about {small:.1f} % of the image) have IoU {of_small:.3f}, the largest "
        f"({large:.0f} %) {of_large:.3f}"
    )
    found = contrasted(evidence, _gap, SHOW)
    if not found:
        return [f"{sentence}."]
    (low, least), (high, most) = found
    return [f"{sentence}; the difference is {SHOW(least)} ({low}) to {SHOW(most)} ({high})."]


def _gap(known: Evidence) -> float | None:
    """Return the IoU of the largest objects minus that of the smallest."""
    curve = iou_by_size(known)
    return curve[-1][1] - curve[0][1] if curve else None


def iou_by_size(known: Evidence) -> Curve:
    """Return (median size of the object in percent of the image, mean IoU) of every group of test images."""
    iou, foreground = known.per_image("iou"), known.per_image("foreground")
    if iou is None or foreground is None or np.isnan(foreground).any() or np.isnan(iou).any():
        return []
    return [(100 * part.foreground, float(iou[part.places].mean())) for part in size_bins(foreground)]


def size_bins(foreground: np.ndarray) -> list[SizeBin]:
    """Cut the test images, by their share of foreground (N,), into up to five bins of as many images, smallest first.

    Every image is in exactly one bin; images without foreground are in the first ones. The list is empty where
    there are too few images for two bins.
    """
    bins = min(BINS, len(foreground) // LEAST_IMAGES)
    if bins < 2:
        return []
    parts = np.array_split(np.argsort(foreground, kind="stable"), bins)
    return [SizeBin(part, float(np.median(foreground[part]))) for part in parts]
