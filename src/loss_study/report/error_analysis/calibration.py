"""Whether predicted probabilities agree with the observed frequencies."""

from __future__ import annotations

from collections.abc import Sequence

from loss_study.report.charts import CurveChart
from loss_study.report.error_analysis.evidence import Evidence, extremes, mean
from loss_study.report.error_analysis.line_charts import UNIT_AXIS, curves_by_loss, line_chart, paired
from loss_study.report.error_analysis.loss_table import Column, each


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
    meaning = "Expected calibration error, 0 is best"
    return Column("Calibration error", meaning, "{:.4f}".format, each(evidence, calibration_error))


def sentences(evidence: Sequence[Evidence]) -> list[str]:
    """Return which loss is best and which is worst calibrated."""
    found = extremes(evidence, calibration_error)
    if not found or found[0][0] == found[1][0]:
        return []
    (low, least), (high, most) = found
    return [f"{low} is best calibrated (expected calibration error {least:.4f}), {high} worst ({most:.4f})."]


def calibration_error(known: Evidence) -> float | None:
    """Return the expected calibration error."""
    return mean(known.sound, "errors", "calibration", "error")
