"""The charts of the second half, one line per loss, mean over its trials."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from loss_study.report.charts import Axis, CurveChart, Line, points
from loss_study.report.why.evidence import Evidence, mean_curve
from loss_study.report.why.sizes import size_bins

Curve = list[tuple[float, float]]

_UNIT_AXIS = Axis(0.0, 1.0, (0.0, 0.25, 0.5, 0.75, 1.0))
_PULL_AXIS = Axis(-1.0, 1.0, (-1.0, -0.5, 0.0, 0.5, 1.0))
_PIXELS = {
    "foreground": "A foreground pixel",
    "background": "A background pixel",
    "near": "A near pixel",
    "far": "A far pixel",
}


def response_charts(evidence: Sequence[Evidence], state: str) -> list[CurveChart]:
    """Return, for both pixels looked at, the pull on it against what is predicted there; see `pixel_response`.

    Every loss is scaled by its strongest pull on either pixel: a constant factor is a matter of the learning rate.
    """
    anatomies = [(known.loss, known.evaluated[0]["response"]) for known in evidence if known.evaluated]
    responses = [(loss, response) for loss, response in anatomies if response]
    if not responses:
        return []
    return [
        _response_chart(responses, number, name=pixel["name"], truth=pixel["truth"], state=state)
        for number, pixel in enumerate(responses[0][1]["pixels"])
    ]


def _response_chart(
    responses: Sequence[tuple[str, dict]], number: int, *, name: str, truth: float, state: str
) -> CurveChart:
    curves = {}
    for loss, response in responses:
        strongest = max(abs(pull) for pixel in response["pixels"] for pull in pixel[state])
        pulls = [pull / strongest for pull in response["pixels"][number][state]]
        curves[loss] = list(zip(response["probability"], pulls, strict=True))
    guide = {"its true depth": [(truth, -1.0), (truth, 1.0)]} if 0 < truth < 1 else {}
    note = f"by its predicted depth; true depth {truth:.2f}, dashed" if guide else "by its predicted probability"
    return _chart(f"{_PIXELS[name]}: pull up or down", note, curves, guide, x=_UNIT_AXIS, y=_PULL_AXIS)


def mask_charts(evidence: Sequence[Evidence], classes: int = 1) -> list[CurveChart]:
    """Return IoU by object size and by threshold, both of one class, and the reliability of the probabilities."""
    charts = [_size_chart(evidence)] if _size_curves(evidence) else []
    thresholds = _curves(evidence, lambda known: _pairs(known, ("thresholds",), ("iou_by_threshold",)))
    reliability = _curves(
        evidence, lambda known: _pairs(known, ("calibration", "predicted"), ("calibration", "observed"))
    )
    if thresholds:
        charts.append(_chart("IoU by threshold", "foreground is what lies above it", thresholds, x=_UNIT_AXIS))
    if reliability:
        several = "share that is right by the probability of the predicted class"
        observed = several if classes > 1 else "share of foreground by predicted probability"
        charts.append(
            _chart(
                "Calibration",
                f"{observed}; dashed: as it should be",
                reliability,
                {"calibrated": [(0.0, 0.0), (1.0, 1.0)]},
                x=_UNIT_AXIS,
                y=_UNIT_AXIS,
            )
        )
    return charts


def depth_charts(evidence: Sequence[Evidence]) -> list[CurveChart]:
    """Return error and bias by true depth."""
    rmse = _curves(evidence, lambda known: _by_distance(known, "rmse"))
    bias = _curves(evidence, lambda known: _by_distance(known, "bias"))
    if not rmse:
        return []
    return [
        _chart("RMSE by true depth", "0 is near, 1 far; lower is better", rmse, x=_UNIT_AXIS),
        _chart(
            "Bias by true depth",
            "above 0: predicted too far",
            bias,
            {"no bias": [(0.0, 0.0), (1.0, 0.0)]},
            x=_UNIT_AXIS,
        ),
    ]


def _size_chart(evidence: Sequence[Evidence]) -> CurveChart:
    curves = _size_curves(evidence)
    places = [x for curve in curves.values() for x, _ in curve]
    return _chart(
        "IoU by size of the object",
        f"% of the picture; test images in {len(next(iter(curves.values())))} groups of equal number",
        curves,
        x=Axis.around([0.0, *places]),
    )


def _size_curves(evidence: Sequence[Evidence]) -> dict[str, Curve]:
    return _curves(evidence, iou_by_size)


def iou_by_size(known: Evidence) -> Curve:
    """Return (median size of the object in percent of the picture, mean IoU) of every group of test images."""
    iou, foreground = known.per_image("iou"), known.per_image("foreground")
    if iou is None or foreground is None or np.isnan(foreground).any() or np.isnan(iou).any():
        return []
    return [(100 * part.foreground, float(iou[part.places].mean())) for part in size_bins(foreground)]


def _by_distance(known: Evidence, column: str) -> Curve:
    values = mean_curve(known.sound, "errors", "distance", column)
    return [((place + 0.5) / len(values), value) for place, value in enumerate(values)]


def _pairs(known: Evidence, x: tuple[str, ...], y: tuple[str, ...]) -> Curve:
    return list(zip(mean_curve(known.sound, "errors", *x), mean_curve(known.sound, "errors", *y), strict=True))


def _curves(evidence: Sequence[Evidence], of: Callable[[Evidence], Curve]) -> dict[str, Curve]:
    return {known.loss: curve for known in evidence if (curve := of(known))}


def _chart(
    title: str,
    note: str,
    curves: dict[str, Curve],
    guides: dict[str, Curve] | None = None,
    *,
    x: Axis,
    y: Axis | None = None,
) -> CurveChart:
    y = y or Axis.around(value for curve in curves.values() for _, value in curve)
    lines = [Line("", False, points(x, y, guide), name) for name, guide in (guides or {}).items()]
    lines += [Line(loss, True, points(x, y, _finite(curve)), loss) for loss, curve in curves.items()]
    return CurveChart(title, note, x, y, tuple(lines))


def _finite(curve: Curve) -> Curve:
    return [(x, y) for x, y in curve if math.isfinite(x) and math.isfinite(y)]
