"""Effects of mistakes and of pairs of them, over all recipes of an experiment, with simultaneous intervals.

The design is a whole two-level factorial: every set of mistakes is a recipe, each trained from several seeds, and every
network is measured on two test splits. So no effect is aliased with another one. A fraction of resolution IV would
need fewer recipes, but a mistake that collapses a network hides the others: effects of three mistakes at once are then
as large as those of one, and the fraction would take the one for the other.

Values are costs: what a mistake adds to an error, or takes off a score. Above 0 is worse.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import sqrt

import numpy as np
from plan import Recipe
from scipy import stats

LEVEL = 0.95
#: The test split as a factor: the same networks, on a test split that is changed as in training.
TEST = "test"

#: For each recipe a value for each seed.
Values = Mapping[Recipe, Sequence[float]]


@dataclass(frozen=True)
class Effect:
    """The mean effect of one mistake, or what two mistakes do to the effects of each other.

    Attributes:
        factors: one or two mistakes.
        value: of one: mean of the recipes with it less mean of those without. Of two: half the difference between the
            effect of the one beside the other and its effect without the other, whichever is the one.
        low, high: ends of its interval.
    """

    factors: tuple[str, ...]
    value: float
    low: float
    high: float

    @property
    def sign(self) -> int:
        """1: it is above 0; -1: below; 0: not known, the interval has 0 in it."""
        return int(self.low > 0) - int(self.high < 0)


@dataclass(frozen=True)
class _Contrast:
    factors: tuple[str, ...]
    value: float
    variance: float
    freedom: float


def complete(values: Values, factors: Sequence[str]) -> bool:
    """Say whether every recipe has two values or more, without which nothing is known of chance."""
    return len(values) == 2 ** len(factors) and all(len(of_recipe) > 1 for of_recipe in values.values())


def effects(values: Values, augmented: Values, factors: Sequence[str]) -> list[Effect]:
    """Return the effects of `factors` and of `TEST`, then those of all pairs; all intervals hold together at `LEVEL`.

    The standard error is that of the means over seeds, whose variance may be another one in each recipe; the degrees of
    freedom are Satterthwaite's. All intervals together: Šidák's inequality, which holds for any correlation.

    Args:
        values: costs on the test split; those of mistakes.
        augmented: costs of the same networks on the changed test split, in the same order; less `values`, those of
            `TEST`.
        factors: the mistakes; `values` is `complete`.
    """
    singles, pairs = [(name,) for name in factors], list(combinations(factors, 2))
    networks = _Recipes(values)
    changes = _Recipes({recipe: np.subtract(augmented[recipe], found).tolist() for recipe, found in values.items()})
    # Half of the recipes are on either side of a mistake; what the test split changes is a difference already.
    mains = [networks.contrast(one, one, 2) for one in singles] + [changes.contrast((), (TEST,), 1)]
    both = [networks.contrast(pair, pair, 2) for pair in pairs]
    both += [changes.contrast(one, (*one, TEST), 1) for one in singles]
    return list(_together([*mains, *both]))


def differences(pairs: Mapping[tuple[str, ...], tuple[Sequence[float], Sequence[float]]]) -> list[Effect]:
    """Return by how much the second mean exceeds the first, for each name; all intervals hold together at `LEVEL`.

    The values are of metrics between 0 and 1, so that no difference is beyond 1.
    """
    found = _together([_difference(name, *pair) for name, pair in pairs.items()])
    return [replace(one, low=max(one.low, -1.0), high=min(one.high, 1.0)) for one in found]


class _Recipes:
    """The means of all recipes, and the variance of their sum."""

    def __init__(self, values: Values) -> None:
        self.recipes = list(values)
        self.means = np.array([np.mean(found) for found in values.values()])
        self.variance, self.freedom = _sum(values.values())

    def contrast(self, of: Sequence[str], named: tuple[str, ...], scale: int) -> _Contrast:
        """Return `scale` times the mean, where each recipe has the product of the signs of the mistakes `of` in it."""
        signs = np.array([(-1) ** sum(name not in recipe for name in of) for recipe in self.recipes])
        share = scale / len(self.recipes)
        return _Contrast(named, float(share * (signs @ self.means)), share**2 * self.variance, self.freedom)


def _difference(name: tuple[str, ...], one: Sequence[float], other: Sequence[float]) -> _Contrast:
    return _Contrast(name, float(np.mean(other) - np.mean(one)), *_sum([one, other]))


def _sum(found: Iterable[Sequence[float]]) -> tuple[float, float]:
    """Return the variance of the sum of the means of `found`, and its degrees of freedom (Satterthwaite 1946)."""
    parts = [(float(np.var(one, ddof=1)) / len(one), len(one) - 1) for one in found]
    total = sum(variance for variance, _ in parts)
    return total, total**2 / sum(variance**2 / freedom for variance, freedom in parts) if total else 1.0


def _together(contrasts: Sequence[_Contrast]) -> Iterator[Effect]:
    each = 1 - (1 - LEVEL ** (1 / len(contrasts))) / 2
    for one in contrasts:
        half = float(stats.t.ppf(each, one.freedom)) * sqrt(one.variance)
        yield Effect(one.factors, one.value, one.value - half, one.value + half)
