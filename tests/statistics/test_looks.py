"""The level of every look: together they spend what was planned."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from loss_study.statistics.looks import ONLY, Look, nominal_levels


def any_crossing(levels, seeds):
    """How probably a walk crosses one of the bounds, by scipy's integration over a rectangle."""
    seeds = np.array(seeds)
    correlation = np.sqrt(np.minimum.outer(seeds, seeds) / np.maximum.outer(seeds, seeds))
    walks = multivariate_normal(np.zeros(len(seeds)), correlation, abseps=1e-8, releps=1e-8, maxpts=2_000_000, seed=0)
    return 1 - walks.cdf(norm.isf(levels))


@pytest.mark.parametrize("seeds", [(3, 5, 8, 12), (2, 20), (10, 11, 12)])
@pytest.mark.parametrize("level", [0.05, 0.035 / 6])
def test_all_looks_together_spend_the_level(level, seeds):
    assert any_crossing(nominal_levels(level, seeds), seeds) == pytest.approx(level, rel=2e-3)


def test_the_first_looks_spend_their_share_of_the_seeds():
    levels = nominal_levels(0.01, (3, 5, 12))
    assert levels[0] == pytest.approx(0.01 * 3 / 12)
    assert any_crossing(levels[:2], (3, 5)) == pytest.approx(0.01 * 5 / 12, rel=2e-3)


def test_a_single_look_has_the_whole_level():
    assert ONLY.share_of(0.03) == pytest.approx(0.03)
    assert Look(1, (12,)).share_of(1e-5) == pytest.approx(1e-5)


def test_later_looks_may_err_less_than_a_single_one_but_more_than_by_bonferroni():
    look = Look(4, (3, 5, 8, 12))
    assert look.planned == 4
    assert 0.05 * 4 / 12 < look.share_of(0.05) < 0.05
