"""How each loss's score grows along a ladder: a saturating power law, and what it says beyond the largest study.

The score is ``limit - drop * (x / x1) ** -exponent``, an error the same with its sign turned; x1 is the smallest x. At
each of a grid of exponents limit and drop are a weighted linear regression, so all resamples are fitted at once. A
limit above 1 is not forbidden, since that would spoil the intervals of a curve that is nearly a logarithm: without it
the truth at 400,000 images was in 93 to 96 of 100 intervals, with it in 72 to 97.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from ladder import Answer

from loss_study.metrics import Metric

#: Three numbers are fitted: with fewer studies a curve says nothing.
LEAST_RUNGS = 4
#: From nearly a logarithm, which falls with every doubling, to a drop that is over after a few.
EXPONENTS = np.linspace(0.02, 2.0, 100)
RESAMPLES = 1000


@dataclass(frozen=True)
class Curves:
    """The curves of one loss: first that of its means, then those of resampled means.

    Attributes:
        metric: its values are kept within those that are possible.
        first: the smallest x.
        limits, drops, exponents: of the curves, (curves,); of an error with its sign turned.
    """

    metric: Metric
    first: float
    limits: np.ndarray
    drops: np.ndarray
    exponents: np.ndarray

    def at(self, x: np.ndarray) -> np.ndarray:
        """Return the value of every curve at every one of `x`, (curves, x)."""
        powers = (x[None] / self.first) ** -self.exponents[:, None]
        values = _sign(self.metric) * (self.limits[:, None] - self.drops[:, None] * powers)
        return values.clip(self.metric.lowest, self.metric.highest)

    def bounds(self, x: float) -> tuple[float, float, float]:
        """Return the value of the means' curve at `x`, and the bounds of 95 % of the resamples."""
        first, *others = self.at(np.array([x]))[:, 0]
        low, high = np.quantile(others, [0.025, 0.975])
        return float(first), float(low), float(high)


def fit(metric: Metric, x: np.ndarray, means: np.ndarray, errors: np.ndarray, rng: np.random.Generator) -> Curves:
    """Fit the curves of one loss.

    Args:
        metric: of the means.
        x: ascending, (N,).
        means: at each x, (N,).
        errors: their standard errors, (N,); `rng` draws the resamples with them.
        rng: a generator.
    """
    resampled = rng.normal(means, errors, (RESAMPLES, len(means)))
    scores = _sign(metric) * np.vstack([means, resampled])
    weights = errors**-2.0 / np.sum(errors**-2.0)
    least = np.full(len(scores), np.inf)
    best = np.zeros((3, len(scores)))
    for exponent in EXPONENTS:
        power = (x / x[0]) ** -exponent
        centred = power - weights @ power
        # More images never make a loss worse: a drop below 0 is one of 0.
        drop = np.maximum(-(scores @ (weights * centred)) / (weights @ centred**2), 0.0)
        limit = scores @ weights + drop * (weights @ power)
        squares = (scores - limit[:, None] + drop[:, None] * power) ** 2 @ weights
        better = squares < least
        least[better] = squares[better]
        best[:, better] = np.stack([limit, drop, np.full_like(limit, exponent)])[:, better]
    return Curves(metric, float(x[0]), *best)


def of_losses(metric: Metric, x: Sequence[float], answers: Sequence[Answer]) -> dict[str, Curves]:
    """Return the curves of every loss that has a mean in all of `answers`; none of fewer than `LEAST_RUNGS`.

    Args:
        metric: of the answers.
        x: of each answer, such as its training images, ascending.
        answers: of one head.
    """
    if len(answers) < LEAST_RUNGS:
        return {}
    shared = [loss for loss in answers[0].means if all(loss in answer.errors for answer in answers)]
    return {
        loss: fit(
            metric,
            np.asarray(x, dtype=float),
            np.array([answer.means[loss] for answer in answers]),
            np.array([answer.errors[loss] for answer in answers]),
            # The same numbers whenever the page is made.
            np.random.default_rng(number),
        )
        for number, loss in enumerate(shared)
    }


def crossing(one: Curves, other: Curves, last: float) -> tuple[float, float] | None:
    """Return between which x the curves cross in 95 % of the resamples, None where they need not cross at all.

    Looked for is the last crossing from the smallest x to `last`; it has to be there in 95 % of the resamples.
    """
    x = np.geomspace(one.first, last, 400)
    changes = np.diff(np.sign(one.at(x)[1:] - other.at(x)[1:]), axis=1) != 0
    crossed = changes.any(axis=1)
    if crossed.mean() < 0.95:
        return None
    places = x[changes.shape[1] - changes[crossed, ::-1].argmax(axis=1)]
    low, high = np.quantile(places, [0.025, 0.975])
    return float(low), float(high)


def hours(seconds: float, images: float, size: int, *, at_images: float, at_size: int) -> float:
    """Return the processor hours of one training of `at_images` of `at_size` px, computed from a smaller one.

    The time of an epoch is taken for proportional to the number of images and of their pixels.
    """
    return seconds / 3600 * at_images / images * (at_size / size) ** 2


def _sign(metric: Metric) -> int:
    return -1 if metric.higher_is_better is False else 1


def sentences(metric: Metric, curves: Mapping[str, Curves], at: float, what: str, unit: str) -> list[str]:
    """Return what the curves say at the x `at`, which is `what`: each loss's value, and where the best two cross.

    `unit` is that of x.
    """
    if not curves:
        return []
    found = {loss: one.bounds(at) for loss, one in curves.items()}
    order = sorted(found, key=lambda loss: -_sign(metric) * found[loss][0])
    values = [
        f"{loss} {metric.show(value)} ({metric.show(low)} to {metric.show(high)})"
        for loss, (value, low, high) in ((loss, found[loss]) for loss in order)
    ]
    told = [f"Computed, not measured: at {what}, {', '.join(values)}; in brackets 95 % of the resamples."]
    if len(order) > 1 and (between := crossing(curves[order[0]], curves[order[1]], at)):
        told.append(
            f"The curves of {order[0]} and {order[1]} cross between {between[0]:,.0f} and {between[1]:,.0f} {unit}."
        )
    return told
