import numpy as np
import pytest

from loss_study.statistics.pairwise import holm, p_value, probability_of_improvement


def test_p_value_by_hand():
    assert p_value(np.array([-1.0, 2, 3, 4, 5, 6, 7, 8, 9])) == pytest.approx(2 * 2 / 10)
    assert p_value(np.zeros(9)) == 1


def test_holm_by_hand():
    # 0.01 * 4, 0.02 * 3, 0.03 * 2 raised to 0.06, 0.5.
    assert holm([0.5, 0.02, 0.01, 0.03]) == pytest.approx([0.5, 0.06, 0.04, 0.06])


def test_probability_of_improvement_by_hand():
    clusters = np.array([0, 0, 1])
    a = np.array([[0.8, 1.0, 0.5], [0.7, 0.7, 0.5]])
    b = np.array([[0.8, 0.8, 0.5]])
    # Cluster 0: 0.9 and 0.7 against 0.8, one win of two; cluster 1: two ties.
    assert probability_of_improvement(a, b, clusters, higher_is_better=True) == 0.5
    better = probability_of_improvement(a[:1], b, clusters, higher_is_better=True)
    assert better == 0.75
    assert probability_of_improvement(a[:1], b, clusters, higher_is_better=False) == 1 - better
