"""Bins of object sizes, by hand."""

from itertools import pairwise

import numpy as np
import pytest

from loss_study.report.error_analysis import object_sizes
from support.evidence import known


def test_size_bins_partition_the_images_smallest_first():
    shares = np.random.default_rng(0).permutation(23) / 100
    bins = object_sizes.size_bins(shares)
    assert [len(part.places) for part in bins] == [6, 6, 6, 5]
    assert sorted(np.concatenate([part.places for part in bins]).tolist()) == list(range(23))
    edges = [(shares[part.places].min(), shares[part.places].max()) for part in bins]
    assert all(before[1] < after[0] for before, after in pairwise(edges))
    assert bins[0].foreground == pytest.approx(0.025)


def test_too_few_images_for_two_bins():
    assert object_sizes.size_bins(np.linspace(0, 1, 9)) == []
    assert len(object_sizes.size_bins(np.linspace(0, 1, 200))) == 5


def test_iou_by_size_is_the_mean_over_seeds_and_images():
    foreground = np.arange(10) / 100
    images = [
        {"iou": np.repeat([0.2, 0.6], 5), "foreground": foreground},
        {"iou": np.full(10, 0.4), "foreground": foreground},
    ]
    curve = object_sizes.iou_by_size(known("bce", images=images))
    assert curve == [pytest.approx((2.0, 0.3)), pytest.approx((7.0, 0.5))]


def of_sizes(loss, small, large):
    """Ten images, the first five with objects of 1 % of the image, the others of 40 %."""
    return known(loss, images=[{"iou": np.repeat([small, large], 5), "foreground": np.repeat([0.01, 0.4], 5)}])


def test_small_objects_that_are_easier_have_a_difference_below_0():
    assert object_sizes.sentences([of_sizes("dice", 0.9, 0.5), of_sizes("bce", 0.6, 0.7)]) == [
        "With dice the smallest objects (about 1.0 % of the image) have IoU 0.900, the largest (40 %) 0.500; the "
        "difference is -0.400 (dice) to +0.100 (bce)."
    ]
    assert object_sizes.sentences([of_sizes("dice", 0.9, 0.5)])[0].endswith("the largest (40 %) 0.500.")
