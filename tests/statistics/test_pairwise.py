import numpy as np
import pytest

from loss_study.statistics.estimates import Estimates
from loss_study.statistics.looks import ONLY, SIGNIFICANCE, Look
from loss_study.statistics.pairwise import compare_pairs, probability_of_improvement
from loss_study.statistics.regret import regrets
from loss_study.statistics.scores import Identities, Scores

ALONE = Identities(np.arange(20), 20)


def pairs_of(means, spread, seeds=4, look=ONLY, seed=0):
    rng = np.random.default_rng(seed)
    values = {
        f"loss{n}": mean + rng.normal(0, spread, (seeds, 1)) + rng.normal(0, 0.01, (seeds, 20))
        for n, mean in enumerate(means)
    }
    order = sorted(values, key=lambda loss: -values[loss].mean())
    errors = Estimates.of([values[loss] for loss in order], ALONE.numbers, ALONE.numbers).of_differences()
    scores = Scores("mask", "iou", values, ALONE, ALONE)
    return compare_pairs(scores, order, errors, look, 1.0, higher_is_better=True)


@pytest.mark.parametrize("look", [ONLY, Look(2, (3, 5, 8))])
def test_p_is_below_its_limit_exactly_where_the_interval_excludes_0(look):
    found = [
        pair
        for seed in range(30)
        for pair in pairs_of([0.9, 0.8, 0.75, 0.6, 0.5, 0.45], 0.01, seeds=3, look=look, seed=seed)
    ]
    assert 50 < sum(pair.significant for pair in found) < len(found) - 50
    for pair in found:
        assert (pair.p_adjusted < SIGNIFICANCE) == (pair.low > 0 or pair.high < 0) == pair.significant


@pytest.mark.parametrize("look", [ONLY, Look(2, (3, 5, 8))])
@pytest.mark.parametrize("losses", [2, 3, 7])
def test_the_decision_excludes_no_fewer_losses_than_the_pairs(losses, look):
    """And more of them where seeds are few: the page says that an interval may include 0 then."""
    rng = np.random.default_rng(losses)
    truth = np.linspace(0.8, 0.7, losses)
    values = [[mean + rng.normal(0, 0.02, (3, 1)) + rng.normal(0, 0.01, (3, 20)) for mean in truth] for _ in range(60)]
    excluded_only = 0
    for of_losses in values:
        estimates = Estimates.of(of_losses, ALONE.numbers, ALONE.numbers)
        errors, means = estimates.of_differences(), np.array([one.mean() for one in of_losses])
        may_be_best = regrets(means, errors, look).candidates
        order = np.argsort(-means)
        scores = Scores("mask", "iou", {str(n): of_losses[n] for n in order}, ALONE, ALONE)
        pairs = compare_pairs(
            scores, [str(n) for n in order], errors[np.ix_(order, order)], look, 1.0, higher_is_better=True
        )
        worse = {int(pair.worse) for pair in pairs if pair.significant}
        excluded = set(np.flatnonzero(~may_be_best))
        assert worse <= excluded
        excluded_only += len(excluded - worse)
    assert excluded_only > 5


def test_thirty_losses_can_differ_significantly():
    found = pairs_of(np.linspace(0.2, 0.8, 30), 0.005)
    assert len(found) == 435
    assert sum(pair.significant for pair in found) > 300


def test_p_values_are_adjusted_for_the_number_of_pairs():
    two, three = pairs_of([0.8, 0.78], 0.02), pairs_of([0.8, 0.78, 0.1], 0.02)
    alone = two[0].p_adjusted
    assert 0.05 < alone < 0.34
    same = next(pair for pair in three if {pair.better, pair.worse} == {two[0].better, two[0].worse})
    assert same.p_adjusted > alone


def test_probability_of_improvement_by_hand():
    a = np.array([[0.8, 1.0, 0.5], [0.7, 0.9, 0.5]])
    b = np.array([[0.8, 0.8, 0.5]])
    # Three ties are three halves, one loss, two wins.
    assert probability_of_improvement(a, b, higher_is_better=True) == pytest.approx((1.5 + 2) / 6)
    assert probability_of_improvement(a, b, higher_is_better=False) == pytest.approx((1.5 + 1) / 6)
