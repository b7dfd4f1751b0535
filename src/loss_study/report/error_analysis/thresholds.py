"""The threshold that is best on the validation split, and the IoU that it gains over 0.5 on the test split."""

from __future__ import annotations

from collections.abc import Sequence

from loss_study.metrics import AT_BEST
from loss_study.report.charts import CurveChart
from loss_study.report.error_analysis.evidence import Evidence, extremes, mean_of, subjects
from loss_study.report.error_analysis.line_charts import UNIT_AXIS, curves_by_loss, line_chart, paired

#: A smaller gain of IoU is not worth mentioning.
LEAST_GAIN = 0.005
SHOW = "{:+.3f}".format


def charts(evidence: Sequence[Evidence]) -> list[CurveChart]:
    """Return the chart of IoU by threshold; none for several classes."""
    curves = curves_by_loss(evidence, lambda known: paired(known, ("thresholds",), ("iou_by_threshold",)))
    return [line_chart("IoU by threshold", "pixels above it are foreground", curves, x=UNIT_AXIS)] if curves else []


def sentences(evidence: Sequence[Evidence]) -> list[str]:
    """Return what the threshold chosen on validation changes: another one may change more."""
    found = extremes(evidence, threshold_gain, SHOW)
    if not found:
        return []
    (lowest, loss), (highest, gain) = found
    if max(gain, -loss) < LEAST_GAIN:
        return [
            f"No {subjects(evidence)[0]} gains or loses {LEAST_GAIN} IoU by the threshold chosen on validation instead "
            "of 0.5."
        ]
    ends = (
        f"{SHOW(gain)} ({highest})"
        if SHOW(loss) == SHOW(gain)
        else f"{SHOW(loss)} ({lowest}) to {SHOW(gain)} ({highest})"
    )
    return [f"The threshold chosen on validation instead of 0.5 changes IoU by {ends}."]


def best_threshold(known: Evidence) -> float | None:
    """Return the threshold that is best on validation, mean over the sound trials."""
    return mean_of([result.threshold for result in known.results])


def threshold_gain(known: Evidence) -> float | None:
    """Return the test IoU at the best threshold minus that at 0.5."""
    gains = [
        result.test["iou" + AT_BEST] - result.test["iou"]
        for result in known.results
        if {"iou", "iou" + AT_BEST} <= result.test.keys()
    ]
    return mean_of(gains)
