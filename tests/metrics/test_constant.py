"""What the best constant prediction scores, by hand."""

import math

import pytest
import torch

from loss_study.metrics.constant import best_constant
from support.predictions import grid

#: A quarter of the first image is foreground, half of the second.
TWO = torch.cat([grid("##..", "##..", "....", "...."), grid("####", "####", "....", "....")])


def test_foreground_everywhere_has_the_share_of_the_foreground():
    assert best_constant("mask", TWO) == pytest.approx((0.25 + 0.5) / 2)


def test_where_most_masks_are_empty_background_everywhere_is_better():
    empty = torch.zeros(2, 1, 4, 4)
    assert best_constant("mask", torch.cat([empty, TWO[:1]])) == pytest.approx(2 / 3)


def test_invalid_pixels_are_not_counted():
    valid = torch.ones_like(TWO)
    valid[0, 0, 2:] = 0
    assert best_constant("mask", TWO, valid) == pytest.approx((0.5 + 0.5) / 2)
    valid[1] = 0
    assert best_constant("mask", TWO, valid) == pytest.approx(0.5)


def test_of_several_classes_the_best_one_everywhere():
    target = torch.cat([TWO, 1 - TWO], dim=1)
    # The second class everywhere: IoU .75 and .5 of that class, 0 of the other one, which both images have.
    assert best_constant("mask", target) == pytest.approx((0.75 / 2 + 0.5 / 2) / 2)


def test_the_mean_depth_everywhere():
    depth = torch.tensor([[0.2, 0.4], [0.6, 0.6]]).view(2, 1, 1, 2)
    expected = (math.sqrt((0.2**2 + 0.0) / 2) + 0.2) / 2
    assert best_constant("depth", depth, depth=0.4) == pytest.approx(expected)
    assert best_constant("depth", depth) is None
