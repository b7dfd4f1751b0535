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
