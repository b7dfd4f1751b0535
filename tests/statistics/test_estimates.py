"""Variances from seeds and images, and how far estimates may be off: by hand, and as scipy has them."""

import numpy as np
import pytest
from scipy import stats

from loss_study.statistics.estimates import Errors, Estimates, effective_count, image_variances


def rng():
    return np.random.default_rng(0)


def one_way(values_N, clusters):
    """Variance of a mean where clusters are independent, by loops."""
    names = np.unique(clusters)
    sums = [
        sum(value - values_N.mean() for value, one in zip(values_N, clusters, strict=True) if one == c) for c in names
    ]
    sizes = [int((clusters == c).sum()) for c in names]
    effective = sum(sizes) ** 2 / sum(size**2 for size in sizes)
    return effective / (effective - 1) * sum(total**2 for total in sums) / len(values_N) ** 2


@pytest.mark.parametrize(
    ("sizes", "count"),
    [([5, 5, 5], 3), ([1] * 20, 20), ([100, 4, 4, 4, 4, 4], 120**2 / 10080), ([98, 1, 1], 100**2 / 9606)],
)
def test_clusters_of_equal_size_count_as_many_as_they_are_and_a_large_one_counts_as_few(sizes, count):
    assert effective_count(np.repeat(np.arange(len(sizes)), sizes)) == pytest.approx(count)


def test_images_that_share_an_object_or_a_background_by_loops():
    objects, backgrounds = rng().integers(0, 6, 40), rng().integers(3, 8, 40)
    values = rng().normal(0, 1, (3, 40)) + rng().normal(0, 1, 6)[objects]
    of_means, of_differences = image_variances(values, objects, backgrounds)
    both = objects * 100 + backgrounds

    def two_way(one):
        known = [one_way(one, clusters) for clusters in (objects, backgrounds, both)]
        return max(known[0] + known[1] - known[2], known[0], known[1])

    assert of_means == pytest.approx([two_way(one) for one in values])
    assert of_differences[0, 2] == pytest.approx(two_way(values[0] - values[2]))
    assert (np.diag(of_differences) == 0).all()


def test_independent_images_have_the_variance_of_a_mean():
    values = rng().normal(0, 1, (2, 30))
    of_means, of_differences = image_variances(values, np.arange(30), np.arange(30))
    assert np.sqrt(of_means) == pytest.approx(stats.sem(values, axis=1))
    assert np.sqrt(of_differences[0, 1]) == pytest.approx(stats.sem(values[0] - values[1]))


def test_copies_of_an_image_are_no_more_evidence():
    few = rng().normal(0, 1, (1, 12))
    once, _ = image_variances(few, np.arange(12), np.arange(12))
    often, _ = image_variances(np.repeat(few, 20, axis=1), np.repeat(np.arange(12), 20), np.arange(240))
    assert often == pytest.approx(once)


def test_backgrounds_count_as_objects_do():
    """Crossed images: what differs between backgrounds is evidence of as many backgrounds, whatever the objects."""
    objects, backgrounds = np.repeat(np.arange(24), 5), np.tile(np.arange(5), 24)
    by_background = rng().normal(0, 1, 5)
    variance, _ = image_variances(by_background[backgrounds][None], objects, backgrounds)
    assert variance[0] == pytest.approx(by_background.var(ddof=1) / 5)


def made_up(counts, **images):
    seeds = [rng().normal(0.8, 0.02 * (n + 1), count) for n, count in enumerate(counts)]
    values = [np.repeat(means[:, None], 10, axis=1) for means in seeds]
    return seeds, Estimates.of(values, np.arange(10), np.arange(10))


def test_seeds_alone_give_welch():
    (a, b), estimates = made_up([4, 9])
    expected = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.9)
    reach = estimates.of_differences().approximate_reach(0.05)[0, 1]
    difference = a.mean() - b.mean()
    assert [difference - reach, difference + reach] == pytest.approx([expected.low, expected.high])


def test_the_sure_reach_has_the_degrees_of_freedom_of_each_part():
    (a, b), estimates = made_up([4, 9])
    parts = [(stats.t.ppf(0.95, len(one) - 1) * stats.sem(one)) ** 2 for one in (a, b)]
    assert estimates.of_differences().reach(0.05)[0, 1] == pytest.approx(np.sqrt(sum(parts)))
    assert estimates.of_means().reach(0.05) == pytest.approx(np.sqrt(parts))


def test_seeds_and_images_add_up():
    values = rng().normal(0.8, 0.1, (1, 5, 12))
    estimates = Estimates.of(list(values), np.arange(12), np.repeat(np.arange(4), 3))
    (images,) = image_variances(values.mean(axis=1), np.arange(12), np.repeat(np.arange(4), 3))[0]
    seeds = values.mean(axis=2).var(ddof=1) / 5
    expected = np.sqrt(stats.t.ppf(0.99, 4) ** 2 * seeds + stats.t.ppf(0.99, 3) ** 2 * images)
    assert estimates.of_means().reach(0.01) == pytest.approx([expected])


def test_one_seed_leaves_the_images():
    values = rng().normal(0.8, 0.1, (2, 1, 12))
    estimates = Estimates.of(list(values), np.arange(12), np.arange(12))
    assert estimates.of_networks
    expected = stats.ttest_rel(values[0, 0], values[1, 0]).confidence_interval(0.95)
    assert 2 * estimates.of_differences().reach(0.025)[0, 1] == pytest.approx(expected.high - expected.low)


def test_nothing_is_known_of_a_loss_with_one_seed_beside_one_with_more():
    estimates = Estimates.of([np.ones((1, 4)), np.ones((3, 4))], np.arange(4), np.arange(4))
    assert np.isnan(estimates.of_means().reach(0.05)).tolist() == [True, False]


def test_p_values_and_reach_are_two_sides_of_one_rule():
    parts = ((np.array([1.0, 2.0]), np.array([2.0, 11.0])), (np.array([0.5, 0.0]), np.array([4.0, 1.0])))
    errors = Errors(parts)
    for level in (0.3, 0.01, 1e-7):
        assert errors.exceeded(errors.reach(level)) == pytest.approx([level, level])
    assert errors.exceeded(np.zeros(2)) == pytest.approx([0.5, 0.5])


def test_equal_scores_differ_by_nothing():
    values = [np.full((3, 8), 0.7), np.full((3, 8), 0.7), np.full((3, 8), 0.8)]
    errors = Estimates.of(values, np.arange(8), np.arange(8)).of_differences()
    assert errors.reach(0.01) == pytest.approx(np.zeros((3, 3)), abs=1e-12)
    assert errors.approximate_reach(0.01) == pytest.approx(np.zeros((3, 3)), abs=1e-12)
