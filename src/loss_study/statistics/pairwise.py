"""Losses two by two: is a difference more than chance, and how often does one do better than the other?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def p_value(differences: np.ndarray) -> float:
    """Return the two-sided p value of resampled `differences`, (resamples,): how far into them is 0?

    It is twice the smaller of the shares on either side of 0, at least 2 / (resamples + 1) (Davison and Hinkley,
    Bootstrap Methods and their Application, 1997, section 4.2); so below 0.05 where the 95 % interval of the same
    resamples leaves 0 out. A permutation test is no choice here: with three seeds its smallest p is 0.1.
    """
    beyond = min(np.count_nonzero(differences <= 0), np.count_nonzero(differences >= 0))
    return min(1.0, 2 * (1 + beyond) / (len(differences) + 1))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p values adjusted for their number: none below 0.05 by chance in 95 % of studies without effects.

    Holm, A Simple Sequentially Rejective Multiple Test Procedure (1979); whatever the dependence of the tests.
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


def _cluster_means(scores_SN: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    return np.stack([np.bincount(clusters, seed) for seed in scores_SN]) / np.bincount(clusters)
