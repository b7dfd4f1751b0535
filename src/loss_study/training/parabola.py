"""The learning rate that three noisy values of the validation metric point to.

A parabola goes through them, in the logarithm of the rate; the rate is most of the way from the middle one of them to
the parabola's vertex. Where the rule's two numbers come from: docs/decisions.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

#: The flattest parabola that three noisy values may make, as a share of the largest of them per squared natural
#: logarithm of the rate: a rate five times too high or too low costs at least 8 %. See docs/decisions.md.
LEAST_CURVE = 0.03
#: The share of the way from the middle rate to the vertex that the chosen rate goes: three noisy values know the vertex
#: only roughly, and the middle of the grid is a good rate for most losses. See docs/decisions.md.
TRUST = 0.7


def peak_of(rates: Sequence[float], values: Sequence[float]) -> tuple[float, float]:
    """Return the learning rate to use, rounded to two digits, and the rate at the vertex of the parabola.

    `rates` are three, rising and above 0; `values` are theirs, the higher the better, and not all of them 0. Where the
    parabola through them is flatter than `LEAST_CURVE`, or curved the other way, it is the nearest one (least squares)
    of that curve: then the vertex lies towards the better side, by no more than the values tell. The rate to use is the
    part `TRUST` of the way from the middle one to the vertex; neither it nor the vertex need be between `rates`.
    """
    heights = np.array(values) / np.abs(values).max()
    logs = np.log(rates)
    x = logs - logs[1]
    curve = max(-float(np.polyfit(x, heights, 2)[0]), LEAST_CURVE)
    slope = float(np.polyfit(x, heights + curve * x**2, 1)[0])
    way = slope / (2 * curve)
    return float(f"{math.exp(logs[1] + TRUST * way):.2g}"), math.exp(logs[1] + way)
