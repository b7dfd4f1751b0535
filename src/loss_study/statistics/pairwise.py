"""Losses two by two: is a difference significant, and how often does one loss do better than the other?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from loss_study.statistics.resampling import SIGNIFICANCE, interval
from loss_study.statistics.scores import Scores


@dataclass(frozen=True)
class Pair:
    """Two losses compared.

    Attributes:
        better: the loss with the better mean.
        worse: the other one.
        difference: mean of `better` minus mean of `worse`, in the unit of the metric.
        low, high: 95 % interval of the difference.
        p_adjusted: two-sided p value, adjusted for all pairs of the ranking.
        probability: of `better` doing better on a random cluster of test images, with a random seed each.
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
    scores: Scores, losses: Sequence[str], draws: Mapping[str, np.ndarray], *, higher_is_better: bool
) -> list[Pair]:
    """Compare every two of `losses`, which are ordered best first.

    P values are adjusted for all these pairs, not only for those with the best loss: which loss is best is known from
    the same data, and tests against the best alone would claim too much. The family is one metric of one head.

    Args:
        scores: of all losses.
        losses: the losses to compare, best mean first.
        draws: for each loss its resampled means, (resamples,).
        higher_is_better: direction of the metric.
    """
    couples = list(combinations(losses, 2))
    adjusted = holm([p_value(draws[better] - draws[worse]) for better, worse in couples])
    pairs = []
    for (better, worse), p_adjusted in zip(couples, adjusted, strict=True):
        a_SN, b_SN = scores.values[better], scores.values[worse]
        probability = probability_of_improvement(a_SN, b_SN, scores.clusters, higher_is_better=higher_is_better)
        low, high = interval(draws[better] - draws[worse])
        pairs.append(Pair(better, worse, float(a_SN.mean() - b_SN.mean()), low, high, p_adjusted, probability))
    return pairs


def p_value(differences: np.ndarray) -> float:
    """Return the two-sided p value of resampled `differences`, (resamples,), against a difference of 0.

    It is twice the smaller of the shares on either side of 0, at least 2 / (resamples + 1) (Davison and Hinkley,
    Bootstrap Methods and their Application, 1997, section 4.2). So it is below 0.05 where the 95 % interval of the same
    resamples excludes 0. A permutation test would be too coarse: with three seeds its smallest p value is 0.1.
    """
    beyond = min(np.count_nonzero(differences <= 0), np.count_nonzero(differences >= 0))
    return min(1.0, 2 * (1 + beyond) / (len(differences) + 1))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p values adjusted for their number, in the same order.

    In 95 % of studies without any effect, none of them is below 0.05, however the tests depend on one another (Holm, A
    Simple Sequentially Rejective Multiple Test Procedure, 1979).
    """
    order = np.argsort(p_values, kind="stable")
    stepped = np.asarray(p_values)[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(stepped))
    return adjusted.tolist()


def probability_of_improvement(
    a_SN: np.ndarray, b_SN: np.ndarray, clusters: np.ndarray, *, higher_is_better: bool
) -> float:
    """Return how probably loss `a` does better than `b` on a random cluster with a random seed each; a tie is a half.

    The scores are (seeds, images). Agarwal et al., Deep Reinforcement Learning at the Edge of the Statistical
    Precipice (2021), with clusters of test images for their tasks.
    """
    a_SC, b_SC = (_cluster_means(scores, clusters) for scores in (a_SN, b_SN))
    gain = a_SC[:, None] - b_SC[None] if higher_is_better else b_SC[None] - a_SC[:, None]
    return float((np.sign(gain).mean() + 1) / 2)


def average_rank(loss: str, pairs: Sequence[Pair]) -> float:
    """Return the expected place of `loss`, 1 being best: 1 + the expected number of losses that do better."""
    above = [pair.probability for pair in pairs if pair.worse == loss]
    below = [1 - pair.probability for pair in pairs if pair.better == loss]
    return 1 + sum(above) + sum(below)


def _cluster_means(scores_SN: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    return np.stack([np.bincount(clusters, seed) for seed in scores_SN]) / np.bincount(clusters)
