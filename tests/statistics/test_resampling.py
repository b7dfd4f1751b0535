import numpy as np
import pytest
from scipy import stats

from loss_study.statistics.resampling import image_deviations, resample, seed_deviations

RESAMPLES = 20_000


def rng():
    return np.random.default_rng(0)


def test_images_alone_give_students_t_interval():
    values = rng().normal(0.8, 0.1, (1, 12))
    draws = resample([values], np.arange(12), RESAMPLES, rng())
    expected = stats.t.interval(0.95, 11, values.mean(), stats.sem(values[0]))
    assert np.quantile(draws, [0.025, 0.975]) == pytest.approx(expected, abs=0.002)


def test_images_of_a_cluster_are_one_piece_of_evidence():
    clusters = np.repeat(np.arange(12), 20)
    by_cluster = rng().normal(0.8, 0.1, (1, 12))
    few = image_deviations(by_cluster, np.arange(12), RESAMPLES, rng())
    many = image_deviations(by_cluster[:, clusters], clusters, RESAMPLES, rng())
    assert np.allclose(few, many)


def test_clusters_weigh_by_their_images():
    # Three images of 0 and one of 1: draws of two clusters have the means 0, 1/4 and 1, around 1/4.
    deviations = image_deviations(np.array([[0.0, 0, 0, 1]]), np.array([0, 0, 0, 1]), RESAMPLES, rng())
    assert (deviations < 0).mean() == pytest.approx(1 / 4, abs=0.01)
    assert (deviations == 0).mean() == pytest.approx(1 / 2, abs=0.01)


def test_losses_share_their_resampled_images():
    easy_or_hard = rng().normal(0, 0.1, 24)
    draws = resample([0.8 + easy_or_hard[None], 0.7 + easy_or_hard[None]], np.arange(24), 1000, rng())
    assert draws.std(axis=0).min() > 0.01
    assert np.allclose(draws[:, 0] - draws[:, 1], 0.1)


@pytest.mark.parametrize("means", [[0.80, 0.83, 0.85], [0.80, 0.81, 0.82, 0.83, 0.85]])
def test_seeds_of_a_single_loss_give_students_t_interval(means):
    low, high = np.quantile(seed_deviations([np.array(means)], 200_000, rng()), [0.025, 0.975])
    expected = stats.t.ppf(0.975, len(means) - 1) * stats.sem(means)
    assert [-low, high] == pytest.approx([expected, expected], rel=0.04)


def test_losses_that_are_alike_share_what_is_known_of_their_seeds():
    means = rng().normal(0.8, 0.01, (7, 3))
    widths = np.ptp(np.quantile(seed_deviations(list(means), RESAMPLES, rng()), [0.025, 0.975], axis=0), axis=0)
    pooled = np.sqrt(means.var(axis=1, ddof=1).mean() / 3)
    # Pooled outright they would have 14 degrees of freedom, each on its own only 2: a factor of two.
    assert 2 * stats.t.ppf(0.975, 14) * pooled < widths.mean() < 1.3 * 2 * stats.t.ppf(0.975, 14) * pooled
    assert widths.max() < 2 * widths.min()


def test_an_erratic_loss_stays_apart_from_steady_ones():
    deviations = np.array([-1.0, 0, 1]) * np.array([[0.001]] * 6 + [[0.1]])
    widths = np.ptp(
        np.quantile(seed_deviations(list(0.8 + deviations), RESAMPLES, rng()), [0.025, 0.975], axis=0), axis=0
    )
    assert widths[:6].max() < widths[6] / 20


def test_equal_seeds_have_no_spread():
    draws = seed_deviations([np.full(3, 0.8), np.full(3, 0.9)], 1000, rng())
    assert np.abs(draws).max() < 1e-3


def test_with_one_seed_only_images_are_resampled():
    assert not seed_deviations([np.array([0.8]), np.array([0.9])], 10, rng()).any()


def test_a_loss_with_one_seed_is_as_unsteady_as_the_others():
    deviations = np.array([-1.0, 0, 1]) * 0.01
    draws = seed_deviations([0.8 + deviations, 0.9 + deviations, np.array([0.7])], RESAMPLES, rng())
    spread = np.abs(draws).mean(axis=0)
    assert spread[2] > 1.5 * spread[0]
