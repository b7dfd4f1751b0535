"""Networks that answer the same everywhere, counted: a mistake's recipes with and without it, and an exact test.

A count over recipes with different chances varies less than a binomial count of their mean (Hoeffding 1956), so that
Clopper and Pearson's interval of a share holds for the mean chance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from plan import Recipe
from scipy import stats

LEVEL = 0.95

#: For each recipe whether each network, one for each seed, has collapsed.
Collapsed = Mapping[Recipe, Sequence[bool]]


@dataclass(frozen=True)
class Share:
    """`count` of `networks`, and the interval of the chance."""

    count: int
    networks: int

    def __str__(self) -> str:
        return f"{self.count} of {self.networks}"

    @property
    def interval(self) -> tuple[float, float]:
        """Ends of Clopper and Pearson's interval."""
        low, high = stats.binomtest(self.count, self.networks).proportion_ci(LEVEL, method="exact")
        return float(low), float(high)


@dataclass(frozen=True)
class Comparison:
    """How many networks collapse without a mistake and with it, and the p of the exact test."""

    factor: str
    without: Share
    having: Share
    p: float

    @property
    def sign(self) -> int:
        """1: more collapse with it; -1: fewer; 0: not known."""
        if self.p >= 1 - LEVEL:
            return 0
        return 1 if self.having.count > self.without.count else -1


def comparisons(collapsed: Collapsed, factors: Sequence[str]) -> list[Comparison]:
    """Compare the recipes that make each of `factors` with those that do not; every set of `factors` is a recipe.

    Each p is adjusted for all mistakes (Holm 1979).
    """
    found = [
        _compared(name, [(collapsed[recipe - {name}], collapsed[recipe]) for recipe in collapsed if name in recipe])
        for name in factors
    ]
    adjusted: dict[str, float] = {}
    largest = 0.0
    for rank, one in enumerate(sorted(found, key=lambda one: one.p)):
        largest = max(largest, min(1.0, (len(found) - rank) * one.p))
        adjusted[one.factor] = largest
    return [replace(one, p=adjusted[one.factor]) for one in found]


def versus(one: Collapsed, other: Collapsed) -> Comparison:
    """Compare two kinds of networks in the recipes of both; `without` counts those of `one`, `having` of `other`."""
    return _compared("", [(own, other[recipe]) for recipe, own in one.items() if recipe in other])


def _compared(factor: str, pairs: Sequence[tuple[Sequence[bool], Sequence[bool]]]) -> Comparison:
    without, having = (
        Share(sum(sum(pair[side]) for pair in pairs), sum(len(pair[side]) for pair in pairs)) for side in (0, 1)
    )
    return Comparison(factor, without, having, _p(pairs, having.count))


def _p(pairs: Sequence[tuple[Sequence[bool], Sequence[bool]]], having: int) -> float:
    """Return the two-sided p of `having` collapses, were the mistake without effect in any recipe.

    Then the collapses of two recipes that differ in the mistake alone fall on both by chance: the count of one is
    hypergeometric, and their sum over the pairs has the distribution that is computed here, exactly.
    """
    chances = np.ones(1)
    for without, with_it in pairs:
        total, networks = sum(without) + sum(with_it), len(without) + len(with_it)
        counts = np.arange(len(with_it) + 1)
        chances = np.convolve(chances, stats.hypergeom.pmf(counts, networks, total, len(with_it)))
    tails = chances[: having + 1].sum(), chances[having:].sum()
    return float(min(1.0, 2 * min(tails)))
