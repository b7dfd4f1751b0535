"""Losses two by two: is a difference significant, and how often does one loss do better than the other?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from loss_study.statistics.estimates import Errors
from loss_study.statistics.looks import SIGNIFICANCE, Look
from loss_study.statistics.scores import Scores


@dataclass(frozen=True)
class Pair:
    """Two losses compared.

    Attributes:
        better: the loss with the better mean.
        worse: the other one.
        difference: mean of `better` minus mean of `worse`, in the unit of the metric.
        low, high: interval of the difference; those of all pairs of the ranking hold together in 95 % of studies.
        p_adjusted: two-sided p value, adjusted for all pairs of the ranking and for all looks: below `SIGNIFICANCE`
            exactly where the interval excludes 0.
        probability: of `better` doing better on a random test image, with a random seed each.
    """

    better: str
    worse: str
    difference: float
    low: float
    high: float
    p_adjusted: float
    probability: float

    @property
    def significant(self) -> bool:
        """True if the adjusted p value is below `SIGNIFICANCE`."""
        return self.p_adjusted < SIGNIFICANCE


def compare_pairs(
    scores: Scores, losses: Sequence[str], errors: Errors, look: Look, span: float, *, higher_is_better: bool
) -> list[Pair]:
    """Compare every two of `losses`, which are ordered best first.

    Intervals and p values are adjusted for all these pairs (Bonferroni), not only for those with the best loss: which
    loss is best is known from the same data. The family is one metric of one head, at all looks.

    Args:
        scores: of all losses.
        losses: the losses to compare, best mean first.
        errors: of the differences of every two of `losses`, (L, L).
        look: which of the planned looks.
        span: the largest difference that the metric can have; no interval reaches beyond it.
        higher_is_better: direction of the metric.
    """
    couples = np.array(list(combinations(range(len(losses)), 2)))
    if not len(couples):
        return []
    level = look.share_of(SIGNIFICANCE / 2 / len(couples))
    # Of two losses that share too few sound seeds nothing is known.
    first, second = couples[np.isfinite(errors[tuple(couples.T)].reach(level))].T
    of_pairs = errors[first, second]
    means = np.array([scores.mean(loss) for loss in losses])
    differences = means[first] - means[second]
    reach = of_pairs.reach(level)
    # At this look a one-sided p value of `level` is one of SIGNIFICANCE for all pairs, both sides and all looks.
    p_values = np.minimum(1.0, of_pairs.exceeded(np.abs(differences)) * (SIGNIFICANCE / level))
    return [
        Pair(
            losses[a],
            losses[b],
            float(difference),
            max(float(difference - far), -span),
            min(float(difference + far), span),
            float(p),
            probability_of_improvement(
                scores.values[losses[a]], scores.values[losses[b]], higher_is_better=higher_is_better
            ),
        )
        for a, b, difference, far, p in zip(first, second, differences, reach, p_values, strict=True)
    ]


def probability_of_improvement(a_SN: np.ndarray, b_SN: np.ndarray, *, higher_is_better: bool) -> float:
    """Return how probably loss `a` does better than `b` on a random image with a random seed each; a tie is a half.

    The scores are (seeds, images). Agarwal et al., Deep Reinforcement Learning at the Edge of the Statistical
    Precipice (2021), with test images for their tasks. NaN, an image that a seed was not tested on, counts for nothing.
    """
    gain = a_SN[:, None] - b_SN[None] if higher_is_better else b_SN[None] - a_SN[:, None]
    return float((np.nanmean(np.sign(gain)) + 1) / 2)
