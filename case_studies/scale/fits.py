"""How each loss's score grows along a ladder: a saturating power law, where one describes its means.

The score is ``limit - drop * (x / x1) ** -exponent``, an error the same with its sign turned; x1 is the smallest x. It
describes the studies that it is fitted to, and says nothing of what lies beyond them, see `beyond`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from ladder import Answer
from scipy.optimize import curve_fit
from scipy.stats import chi2

from loss_study.metrics import Metric
from loss_study.statistics.sentences import listed

#: Three numbers are fitted: with fewer studies a curve says nothing.
LEAST_RUNGS = 4
#: From nearly a logarithm, which falls with every doubling, to a drop that is over after a few.
EXPONENTS = (0.02, 2.0)


@dataclass(frozen=True)
class PowerLaw:
    """The curve of one loss.

    Attributes:
        sign: -1 for an error, else 1.
        first: the smallest x.
        limit, drop, exponent: of the curve; of an error with its sign turned.
        chance: that means scatter around such a curve as much as these do, 0 to 1.
    """

    sign: int
    first: float
    limit: float
    drop: float
    exponent: float
    chance: float

    @property
    def fits(self) -> bool:
        """Whether the means scatter around it no more than their errors let them, in 95 of 100 cases."""
        return self.chance >= 0.05

    def at(self, x: np.ndarray) -> np.ndarray:
        """Return its value at every one of `x`."""
        return self.sign * _law(x / self.first, self.limit, self.drop, self.exponent)


@dataclass(frozen=True)
class Growth:
    """How the losses of one ladder and head grow.

    Attributes:
        x: of each answer, such as its training images, ascending.
        unit: of x.
        laws: the curve of each loss that all answers compare, whether it fits or not.
    """

    x: Sequence[float]
    unit: str
    laws: Mapping[str, PowerLaw]

    def sentences(self) -> list[str]:
        """Return which losses' means a power law fits, and which not."""
        fitted, other = ([loss for loss, law in self.laws.items() if law.fits is fits] for fits in (True, False))
        which = "each loss that all studies compare" if not other else listed(fitted)
        told = [f"A power law of the {self.unit} fits the means of {which}."] if fitted else []
        return told + ([f"No power law of the {self.unit} fits those of {listed(other)}."] if other else [])


def fit(metric: Metric, x: np.ndarray, means: np.ndarray, errors: np.ndarray) -> PowerLaw:
    """Fit the curve of one loss by least squares.

    Args:
        metric: of the means.
        x: ascending, (N,), at least four.
        means: at each x, (N,).
        errors: their standard errors, (N,).
    """
    scores = sign(metric) * means
    # More images never make a loss worse: a drop below 0 is one of 0.
    bounds = ([-np.inf, 0.0, EXPONENTS[0]], [np.inf, np.inf, EXPONENTS[1]])
    start = (scores[-1], max(scores[-1] - scores[0], 0.0), 0.5)
    found, _ = curve_fit(_law, x / x[0], scores, start, errors, absolute_sigma=True, bounds=bounds, max_nfev=10_000)
    squares = np.sum(((scores - _law(x / x[0], *found)) / errors) ** 2)
    return PowerLaw(sign(metric), float(x[0]), *found.tolist(), float(chi2.sf(squares, len(x) - len(found))))


def growth(metric: Metric, x: Sequence[float], unit: str, answers: Sequence[Answer]) -> Growth:
    """Return the curves of `answers`, at least `LEAST_RUNGS` of one head, on `metric`; see `Growth`."""
    shared = [loss for loss in answers[0].means if all(loss in answer.compared for answer in answers)]
    laws = {
        loss: fit(
            metric,
            np.asarray(x, dtype=float),
            np.array([answer.means[loss] for answer in answers]),
            np.array([answer.errors[loss] for answer in answers]),
        )
        for loss in shared
    }
    return Growth(x, unit, laws)


def sign(metric: Metric) -> int:
    """Return -1 for an error, 1 for what is better when it is higher."""
    return -1 if metric.higher_is_better is False else 1


def _law(growth: np.ndarray, limit: float, drop: float, exponent: float) -> np.ndarray:
    return limit - drop * growth**-exponent
