"""Bounds of the regret by hand."""

from dataclasses import replace

import numpy as np
import pytest

from loss_study.statistics.estimates import Errors
from loss_study.statistics.looks import ONLY
from loss_study.statistics.regret import LOWER, UPPER, choose, continuing, regrets

MANY = 1e9


def known(standard):
    """Errors of that standard error, known from many seeds."""
    standard = np.asarray(standard, float)
    return Errors(((standard**2, np.full(standard.shape, MANY)),))


def bounds(means, standard):
    means = np.array(means)
    errors = known(np.full((len(means), len(means)), standard) * ~np.eye(len(means), dtype=bool))
    return regrets(means, errors, ONLY), errors


def test_three_losses_by_hand():
    found, errors = bounds([0.80, 0.79, 0.60], 0.01)
    up = errors.approximate_reach(UPPER / 2)[0, 1]
    down = errors.reach(LOWER / 2)[0, 1]
    assert 0.02 < up < down < 0.03
    assert found.candidates.tolist() == [True, True, False]
    assert found.high == pytest.approx([-0.01 + up, 0.01 + up, 0.2 + up])
    # At best the second loss is the best one.
    assert found.low == pytest.approx([0, 0, 0.19 - down])
    assert choose(found, 0.02) == 0


def test_a_clear_winner_has_no_regret():
    found, _ = bounds([0.9, 0.5, 0.4], 0.01)
    assert found.high[0] == 0 == found.low[0]
    assert not continuing(found, 0.02).any()


def test_the_choice_has_the_best_mean_of_those_within_the_margin_or_of_all():
    # The first is the most noisy one: nothing is sure of it, and the second is surely close to the best.
    standard = np.array([[0, 0.006, 0.006], [0.006, 0, 0.001], [0.006, 0.001, 0]])
    found = regrets(np.array([0.70, 0.71, 0.699]), known(standard), ONLY)
    assert found.high[1] < 0.01 < found.high[0] and choose(found, 0.01) == 1
    found = regrets(np.array([0.6999, 0.699, 0.2]), known(np.full((3, 3), 0.03)), ONLY)
    assert found.high.min() > 0.01 and choose(found, 0.01) == 0
    only_second = replace(found, high=np.array([0.03, 0.005, 0.6]))
    assert choose(only_second, 0.01) == 1


def test_ties_go_to_the_first():
    found, _ = bounds([0.7, 0.7], 0.0)
    assert found.high.tolist() == [0, 0] and choose(found, 0.01) == 0 and found.candidates.all()


def test_the_choice_and_those_that_may_be_better_by_more_than_the_margin_train_on():
    found, errors = bounds([0.80, 0.79, 0.78, 0.60], 0.01)
    up = errors.approximate_reach(UPPER / 3)[0, 1]
    assert 0 < up - 0.02 < 0.01 < up - 0.01
    assert continuing(found, 0.01).tolist() == [True, True, False, False]
    # Within this margin the third is still a candidate, but settled.
    assert found.candidates.tolist() == [True, True, True, False]
    assert not continuing(found, 0.03).any()


def test_several_studies_at_once_are_as_one_by_one():
    rng = np.random.default_rng(0)
    means, standard = rng.normal(0, 0.05, (5, 4)), rng.uniform(0.01, 0.03, (5, 4, 4))
    standard = (standard + np.swapaxes(standard, 1, 2)) * ~np.eye(4, dtype=bool)
    together = regrets(means, known(standard), ONLY)
    for number in range(5):
        alone = regrets(means[number], known(standard[number]), ONLY)
        assert together.high[number] == pytest.approx(alone.high)
        assert together.low[number] == pytest.approx(alone.low)
        assert continuing(together, 0.02)[number].tolist() == continuing(alone, 0.02).tolist()
