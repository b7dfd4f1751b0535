"""Where depth maps are wrong."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from loss_study.metrics import find
from loss_study.report.charts import CurveChart
from loss_study.report.error_analysis.errors_section import ErrorsSection, ratio
from loss_study.report.error_analysis.evidence import Evidence, contrasted, extremes, mean, mean_curve
from loss_study.report.error_analysis.line_charts import UNIT_AXIS, Curve, curves_by_loss, line_chart
from loss_study.report.error_analysis.loss_table import Column, Table, each, loss_table

RMSE = find("rmse_coded")


def section(evidence: Sequence[Evidence]) -> ErrorsSection:
    """Return the section of a head."""
    return ErrorsSection(sentences(evidence), charts(evidence), table(evidence))


def sentences(evidence: Sequence[Evidence]) -> list[str]:
    """Return how errors at depth edges compare with the rest, and which loss is best on the objects."""
    edges = extremes(evidence, edge_ratio, _times)
    if not edges:
        return []
    (low, least), (high, most) = edges
    whose = "" if _times(least) == _times(most) else f" of {high}"
    contrast = f", that of {low} {_times(least)} times" if whose else ""
    found = [f"At depth edges the {RMSE.label}{whose} is {_times(most)} times that elsewhere{contrast}."]
    objects = contrasted(evidence, lambda known: region_rmse(known, "foreground"), RMSE.show)
    if objects:
        (low, least), (high, most) = objects
        found.append(
            f"{RMSE.label} over all pixels of objects together: smallest for {low} ({RMSE.show(least)}), largest for "
            f"{high} ({RMSE.show_with_unit(most)})."
        )
    return found


def _times(number: float) -> str:
    return f"{number:.1f}"


def charts(evidence: Sequence[Evidence]) -> list[CurveChart]:
    """Return error and bias by true depth."""
    rmse = curves_by_loss(evidence, lambda known: _by_distance(known, "rmse_coded"))
    bias = curves_by_loss(evidence, lambda known: _by_distance(known, "bias"))
    if not rmse:
        return []
    return [
        line_chart(f"{RMSE.label} by true depth", "0 is near, 1 far; lower is better", rmse, x=UNIT_AXIS),
        line_chart(
            "Bias by true depth",
            "above 0: predicted too far",
            bias,
            {"no bias": [(0.0, 0.0), (1.0, 0.0)]},
            x=UNIT_AXIS,
        ),
    ]


def table(evidence: Sequence[Evidence]) -> Table:
    """Return the RMSE at depth edges, elsewhere, on the foreground and on the background."""
    columns = [
        Column(heading, meaning, "{:.4f}".format, each(evidence, partial(region_rmse, region=name)))
        for name, heading, meaning in (
            (
                "edges",
                "At edges",
                f"{RMSE.label} over the pixels at jumps of the true depth, of all test images together",
            ),
            ("elsewhere", "Elsewhere", f"{RMSE.label} over all other pixels"),
            ("foreground", "Foreground", f"{RMSE.label} over the pixels of the objects, of all test images together"),
            ("background", "Background", f"{RMSE.label} over all other pixels"),
        )
    ]
    columns.insert(2, Column("Edges / elsewhere", "Ratio of the two", _times, each(evidence, edge_ratio)))
    return loss_table("Where the errors are", evidence, columns)


def region_rmse(known: Evidence, region: str) -> float | None:
    """Return the RMSE over all test pixels of `region`."""
    return mean(known.sound, "errors", "regions", region, "rmse_coded")


def edge_ratio(known: Evidence) -> float | None:
    """Return the RMSE at depth edges divided by that elsewhere."""
    return ratio(region_rmse(known, "edges"), region_rmse(known, "elsewhere"))


def _by_distance(known: Evidence, column: str) -> Curve:
    values = mean_curve(known.sound, "errors", "distance", column)
    return [((place + 0.5) / len(values), value) for place, value in enumerate(values)]
