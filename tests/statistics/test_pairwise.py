import numpy as np
import pytest

from loss_study.statistics.estimates import Estimates
from loss_study.statistics.looks import ONLY, SIGNIFICANCE, Look
from loss_study.statistics.pairwise import compare_pairs, probability_of_improvement
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
