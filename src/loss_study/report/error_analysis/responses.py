"""How a loss pulls one pixel, by what is predicted there (`evaluation.error_analysis.pixel_response`)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from loss_study.report.charts import Axis, CurveChart
from loss_study.report.error_analysis.evidence import Evidence
from loss_study.report.error_analysis.line_charts import UNIT_AXIS, line_chart

#: A loss whose pull ends further than this from the true depth leads to a wrong depth.
MISPLACED = 0.05
_PULL_AXIS = Axis(-1.0, 1.0, (-1.0, -0.5, 0.0, 0.5, 1.0))
_PIXELS = {
    "foreground": "A foreground pixel",
    "background": "A background pixel",
    "near": "A near pixel",
    "far": "A far pixel",
}


def charts(evidence: Sequence[Evidence], state: str) -> list[CurveChart]:
    """Return, for each of the two pixels, the pull on it by what is predicted there.

    Every loss is scaled by its strongest pull on either pixel, because a constant factor only scales the learning rate.
    A pull that is not a number is left out.

    Args:
        evidence: of all losses.
        state: of the other pixels: "start", all 0.5, or "late", close to the ground truth.
    """
    analyses = [(known.loss, known.evaluated[0].get("response")) for known in evidence if known.evaluated]
    responses = [(loss, response) for loss, response in analyses if response]
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
        strongest = max((abs(pull) for pixel in response["pixels"] for pull in pixel[state] if pull), default=1.0)
        pulls = [math.nan if pull is None else pull / strongest for pull in response["pixels"][number][state]]
        curves[loss] = list(zip(response["probability"], pulls, strict=True))
    guide = {"its true depth": [(truth, -1.0), (truth, 1.0)]} if 0 < truth < 1 else {}
    note = f"by its predicted depth; true depth {truth:.2f}, dashed" if guide else "by its predicted probability"
    return line_chart(f"{_PIXELS[name]}: pull up or down", note, curves, guide, x=UNIT_AXIS, y=_PULL_AXIS)


def sentences(evidence: Sequence[Evidence]) -> list[str]:
    """Return a sentence for each loss of the depth whose pull does not end at the true depth.

    Nothing of a loss that does not pull, or whose pull is not a number somewhere.
    """
    found = []
    for known in evidence:
        pixel, pulls, predictions = _near_pixel(known)
        if not any(pulls) or None in pulls:
            continue
        rest = _rest(predictions, pulls)
        if abs(rest - pixel) > MISPLACED:
            end = {0.0: "all the way to 0", 1.0: "all the way to 1"}.get(rest, f"to {rest:.2f}")
            found.append(f"In a made-up image, {known.loss} pulls a pixel of true depth {pixel:.2f} {end}.")
    return found


def _near_pixel(known: Evidence) -> tuple[float, list[float], list[float]]:
    if not known.evaluated:
        return 0.0, [], []
    response = known.evaluated[0]["response"]
    pixel = response["pixels"][0]
    return pixel["truth"], pixel["late"], response["probability"]


def _rest(predictions: Sequence[float], pulls: Sequence[float]) -> float:
    """Return the prediction at which the pull turns from up to down; 0 or 1 where it is down or up throughout."""
    for (low, pull), (high, next_pull) in pairwise(zip(predictions, pulls, strict=True)):
        if pull > 0 >= next_pull:
            return low + (high - low) * pull / (pull - next_pull)
    return 1.0 if pulls[0] > 0 else 0.0
