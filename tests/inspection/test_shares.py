"""Shares and percentiles, compared with values worked out by hand."""

import numpy as np
import pytest

from loss_study.data.depth_scale import DepthScale, to_stored
from loss_study.datasets.base import Example
from loss_study.inspection import shares

IMAGE = np.zeros((2, 2, 3), dtype=np.uint8)


def example(mask=None, depth=None, **valid):
    arrays = [None if one is None else np.array(one) for one in (mask, depth)]
    return Example(IMAGE, *arrays, **{name: np.array(one, dtype=bool) for name, one in valid.items()})


def test_foreground_is_counted_among_the_valid_pixels():
    mask = np.uint8([[0, 127], [128, 255]])
    assert shares.foreground(example(mask), 1) == 0.5
    assert shares.foreground(example(mask, mask_valid=[[1, 0], [0, 1]]), 1) == 0.5
    assert shares.foreground(example(mask, mask_valid=[[0, 0], [1, 1]]), 1) == 1
    assert shares.foreground(example(mask, mask_valid=[[0, 0], [0, 0]]), 1) is None
    assert shares.foreground(example(mask), 3) is shares.foreground(example(), 1) is None


def test_classes_are_counted_over_all_images():
    found = [example(np.uint8([[0, 1], [1, 1]])), example(np.uint8([[0, 2], [0, 0]]), mask_valid=[[1, 1], [0, 0]])]
    assert shares.class_shares(found, ["a", "b", "c", "d"]) == {"a": 2 / 6, "b": 3 / 6, "c": 1 / 6, "d": 0}


def test_depth_in_metres_what_is_missing_and_what_is_clipped():
    scale = DepthScale(halfway_m=3.0, farthest_m=10.0)
    metres = np.array([[1.0, 4.0], [10.0, 25.0]])
    found = [example(depth=to_stored(scale.encode(metres)), depth_valid=[[0, 1], [1, 1]])]
    depth = shares.depths(found, scale)
    assert depth == pytest.approx([4, 10, 10], abs=0.001)
    assert shares.clipped(depth, scale) == pytest.approx(2 / 3)
    assert shares.missing(found, "depth") == 0.25 and shares.missing([example()], "depth") == 0
    assert shares.depths([example(depth=np.uint8([[0, 51], [255, 255]]))], None) == pytest.approx([0, 0.2, 1, 1])


def test_foreground_at_the_border_and_in_the_middle():
    mask = np.zeros((16, 16), np.uint8)
    mask[4:12, 4:8] = 255
    assert shares.border_and_middle(mask) == (0, 0.5)
    mask[:2] = 128
    # Of the 112 pixels at the border 32 are in the first two rows.
    assert shares.border_and_middle(mask) == pytest.approx((32 / 112, 0.5))


def test_a_row_has_the_percentiles():
    assert shares.row("it", np.arange(101) / 100, "{:.0%}") == ("it", "0%", "5%", "50%", "95%", "100%")
