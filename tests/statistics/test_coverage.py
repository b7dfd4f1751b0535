"""On made-up studies intervals cover the known effects as often as they claim, and no effect is seldom significant.

All bounds are those of binomial counts: a method that is as good as it claims fails one in a thousand times.
"""

import numpy as np
import pytest
from scipy.stats import binom

from loss_study.statistics.pairwise import holm, p_value
from support.made_up_scores import DIFFERENT, EQUAL, LOSSES, SAME, UNEQUAL, make_up, ranked

STUDIES = 150
RESAMPLES = 1500


def judge(ranking, truth):
    """Shares of covered means and covered differences, whether a significant pair is wrong, and how many there are."""
    means = [e.low <= truth[e.loss] <= e.high for e in ranking.placed]
    gaps = {pair: truth[pair.better] - truth[pair.worse] for pair in ranking.pairs}
    differences = [pair.low <= gap <= pair.high for pair, gap in gaps.items()]
    wrong = any(gaps[pair] <= 1e-9 for pair in ranking.significant)
    return np.mean(means), np.mean(differences), wrong, len(ranking.significant)


def judged(method, means, spread, seeds):
    rng = np.random.default_rng(1)
    truth = dict(zip(LOSSES, means, strict=True))
    studies = (make_up(rng, means, spread, seeds) for _ in range(STUDIES))
    return np.mean([judge(method(study), truth) for study in studies], axis=0)


def ours(scores):
    return ranked(scores, RESAMPLES)


# The mean of several intervals of one study varies no more than one interval's being right or wrong.
LEAST_COVERAGE = binom.ppf(0.001, STUDIES, 0.95) / STUDIES
MOST_WRONG = binom.ppf(0.999, STUDIES, 0.05) / STUDIES


@pytest.mark.parametrize(
    ("means", "spread", "seeds"),
    [(SAME, UNEQUAL, 3), (SAME, EQUAL, 5), (DIFFERENT, EQUAL, 3), (DIFFERENT, UNEQUAL, 5)],
    ids=["3 unequal seeds", "5 equal seeds", "effects, 3 equal seeds", "effects, 5 unequal seeds"],
)
def test_intervals_cover_and_significant_differences_are_real(means, spread, seeds):
    covered_means, covered_differences, wrong, significant = judged(ours, means, spread, seeds)
    assert LEAST_COVERAGE <= covered_means <= 0.985
    assert LEAST_COVERAGE <= covered_differences <= 0.985
    assert wrong <= MOST_WRONG
    # Where there are effects, 20 of the 21 pairs differ, by 0.02 to 0.2.
    assert significant > 8 or means is SAME


def naive(scores):
    """Seeds and objects drawn with replacement, and nothing else."""
    rng = np.random.default_rng(0)
    values = np.stack(list(scores.values.values()))
    objects, seeds = scores.clusters.max() + 1, values.shape[1]
    sums = np.stack([values[..., scores.clusters == c].sum(axis=-1) for c in range(objects)], axis=-1)
    times = rng.multinomial(objects, np.full(objects, 1 / objects), RESAMPLES)
    drawn = rng.multinomial(seeds, np.full(seeds, 1 / seeds), (RESAMPLES, len(LOSSES))) / seeds
    draws = np.einsum("bls,bls->bl", np.einsum("bc,lsc->bls", times, sums), drawn)
    draws /= (times @ np.bincount(scores.clusters))[:, None]
    first, second = np.triu_indices(len(LOSSES), 1)
    differences = draws[:, first] - draws[:, second]
    low, high = np.quantile(differences, [0.025, 0.975], axis=0)
    return np.mean((low <= 0) & (high >= 0)), min(holm([p_value(column) for column in differences.T])) < 0.05


def test_a_plain_bootstrap_of_three_seeds_would_fail():
    rng = np.random.default_rng(1)
    covered, wrong = np.mean([naive(make_up(rng, SAME, EQUAL, 3)) for _ in range(STUDIES)], axis=0)
    assert covered < LEAST_COVERAGE
    assert wrong > MOST_WRONG
