"""Charts with one line per loss, mean over its trials."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from loss_study.report.charts import Axis, CurveChart, Line, points
from loss_study.report.error_analysis.evidence import Evidence, mean_curve

Curve = list[tuple[float, float]]

UNIT_AXIS = Axis(0.0, 1.0, (0.0, 0.25, 0.5, 0.75, 1.0))


def line_chart(
    title: str,
    note: str,
    curves: Mapping[str, Curve],
    guides: Mapping[str, Curve] | None = None,
    *,
    x: Axis,
    y: Axis | None = None,
) -> CurveChart:
    """Return a chart of `curves`, by loss, and of `guides`, by name; without `y` the axis is around the curves."""
    y = y or Axis.around(value for curve in curves.values() for _, value in curve)
    lines = [Line("", False, points(x, y, guide), name) for name, guide in (guides or {}).items()]
    lines += [Line(loss, True, points(x, y, _finite(curve)), loss) for loss, curve in curves.items()]
    return CurveChart(title, note, x, y, tuple(lines))


def curves_by_loss(evidence: Sequence[Evidence], of: Callable[[Evidence], Curve]) -> dict[str, Curve]:
    """Return the curve of every loss that has one."""
    return {known.loss: curve for known in evidence if (curve := of(known))}


def paired(known: Evidence, x: tuple[str, ...], y: tuple[str, ...]) -> Curve:
    """Return the lists at the paths `x` and `y` of the error analysis as points, mean over the sound trials."""
    return list(zip(mean_curve(known.sound, "errors", *x), mean_curve(known.sound, "errors", *y), strict=True))


def _finite(curve: Curve) -> Curve:
    return [(x, y) for x, y in curve if math.isfinite(x) and math.isfinite(y)]
