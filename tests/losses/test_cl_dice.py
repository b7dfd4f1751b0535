"""The loss `cl_dice`: values worked out by hand, and the same loss of MONAI."""

from __future__ import annotations

import torch

from loss_study.losses.cl_dice import skeleton
from support.loss_examples import CERTAIN, agree, mask_pair, values


def test_the_skeleton_of_a_bar_is_its_middle_line():
    bar = torch.zeros(1, 1, 9, 9)
    bar[..., 3:6, 1:8] = 1
    found = skeleton(bar, 3)[0, 0]
    assert found[4, 2:7].eq(1).all() and found.sum() < bar.sum() / 2
    assert not (found * (1 - bar[0, 0])).any()


def test_a_gap_in_a_line_costs_more_than_the_same_pixels_at_its_side():
    target = torch.zeros(1, 1, 9, 15)
    target[..., 3:6, 1:14] = 1
    gap, side = target.clone(), target.clone()
    gap[..., 3:6, 7] = 0
    side[..., 3, 6:9] = 0
    costs = [values("cl_dice", CERTAIN * (2 * image - 1), target, alpha=1.0) for image in (gap, side)]
    assert costs[0] > costs[1]


def test_without_lines_it_is_dice():
    torch.testing.assert_close(values("cl_dice", *mask_pair(), alpha=0.0), values("dice", *mask_pair()))


def test_it_is_that_of_monai():
    from monai.losses import SoftclDiceLoss

    agree("cl_dice", SoftclDiceLoss(smooth=1e-9, sigmoid=True), *mask_pair(size=24), alpha=1.0)
