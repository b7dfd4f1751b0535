"""Whether predicted probabilities agree with the observed frequencies."""

from __future__ import annotations

from collections.abc import Sequence

from loss_study.report.charts import CurveChart
from loss_study.report.error_analysis.evidence import Evidence, contrasted, mean
from loss_study.report.error_analysis.line_charts import UNIT_AXIS, curves_by_loss, line_chart, paired
from loss_study.report.error_analysis.loss_table import Column, each

SHOW = "{:.3f}".format


def charts(evidence: Sequence[Evidence], classes: int = 1) -> list[CurveChart]:
    """Return the reliability diagram; of several classes that of the predicted class."""
    curves = curves_by_loss(
        evidence, lambda known: paired(known, ("calibration", "predicted"), ("calibration", "observed"))
    )
    if not curves:
        return []
    several = "share of correct pixels by the probability of the predicted class"
    observed = several if classes > 1 else "share of foreground by predicted probability"
    diagonal = {"calibrated": [(0.0, 0.0), (1.0, 1.0)]}
    note = f"{observed}; dashed: perfect calibration"
    return [line_chart("Calibration", note, curves, diagonal, x=UNIT_AXIS, y=UNIT_AXIS)]


def column(evidence: Sequence[Evidence]) -> Column:
    """Return the column of a table."""
    meaning = "Expected calibration error, 0 is best; of a mask of one class over the foreground pixels"
    return Column("Calibration error", meaning, SHOW, each(evidence, calibration_error))


def sentences(evidence: Sequence[Evidence], classes: int = 1) -> list[str]:
    """Return which loss is best and which is worst calibrated."""
    found = contrasted(evidence, calibration_error, SHOW)
    if not found:
        return []
    (low, least), (high, most) = found
    pixels = " of the foreground pixels" if classes == 1 else ""
    return [
        f"Expected calibration error{pixels}, as in the chart: smallest for {low} ({SHOW(least)}), largest for {high} "
        f"({SHOW(most)})."
    ]


def calibration_error(known: Evidence) -> float | None:
    """Return the expected calibration error."""
    return mean(known.sound, "errors", "calibration", "error")
