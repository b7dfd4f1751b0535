"""Boundary F: values by hand and distance transforms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from loss_study.metrics.boundary_f import boundary_f, class_mean_boundary_f, tolerance_px
from loss_study.metrics.masks import Masks
from support.predictions import blobs


def of(predicted, target):
    """Return boundary F of bool masks (N, 1, H, W)."""
    return boundary_f(Masks(predicted, target, torch.ones_like(target)))


def test_by_hand():
    square = torch.zeros(1, 1, 64, 64, dtype=torch.bool)
    square[..., 20:40, 20:40] = True
    # At 64 x 64 the tolerance is one pixel: a shift of one pixel matches wholly.
    assert of(square.roll(1, -1), square).item() == 1.0
    # Shifted by ten, 24 of 76 outline pixels match: on the rows of both the 10 shared ones and one more, and where the
    # side of one meets the rows of the other one pixel each.
    assert of(square.roll(10, -1), square).item() == pytest.approx(24 / 76)
    assert of(square.roll(30, -1), square).item() == 0.0


def test_without_any_outline_it_is_right_or_wrong():
    none = torch.zeros(1, 1, 8, 8, dtype=torch.bool)
    assert [of(a, b).item() for a in (none, ~none) for b in (none, ~none)] == [1, 0, 0, 1]


@pytest.mark.parametrize(("height", "width", "tolerance"), [(32, 32, 1), (224, 224, 3), (64, 256, 2)])
def test_agrees_with_distance_transforms(height, width, tolerance):
    pair = blobs(images=2, size=max(height, width), seed=3)
    predicted = pair["prediction"][..., :height, :width] > 0.5
    true = pair["target"][..., :height, :width] > 0.5
    expected = []
    for p, t in zip(predicted[:, 0].numpy(), true[:, 0].numpy(), strict=True):
        outlines = [m & ~ndimage.binary_erosion(m, np.ones((3, 3)), border_value=1) for m in (p, t)]
        far = [ndimage.distance_transform_cdt(~outline, "chessboard") for outline in outlines]
        precision, recall = (far[1][outlines[0]] <= tolerance).mean(), (far[0][outlines[1]] <= tolerance).mean()
        expected.append(2 * precision * recall / (precision + recall))
    assert 0 < min(expected) < 1
    assert of(predicted, true).tolist() == pytest.approx(expected)


def test_the_tolerance_grows_with_the_diagonal():
    assert [tolerance_px(torch.empty(1, 1, size, size)) for size in (32, 64, 224, 512)] == [1, 1, 3, 6]


def test_of_several_classes_it_is_the_mean_over_those_that_are_there():
    """The outline of class 0 is right, class 1 is right, class 2 is predicted in vain, class 3 is nowhere."""
    target = torch.zeros(1, 4, 64, 64, dtype=torch.bool)
    target[:, 0, :, :32], target[:, 1, :, 32:] = True, True
    predicted = target.clone()
    predicted[:, 1, 10:14, 50:54], predicted[:, 2, 10:14, 50:54] = False, True
    masks = Masks(predicted, target, torch.ones(1, 1, 64, 64, dtype=torch.bool))
    union = (predicted | target).sum(dim=(2, 3))
    of_each = [boundary_f(masks.of_class(number)).item() for number in range(4)]
    assert of_each[0] == 1 and 0 < of_each[1] < 1 and of_each[2] == 0 and of_each[3] == 1
    assert class_mean_boundary_f(masks, union).item() == pytest.approx(sum(of_each[:3]) / 3)
