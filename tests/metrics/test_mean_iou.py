"""Mean IoU of foreground and background."""

import pytest
import torch

from loss_study.metrics.counting import Counts
from loss_study.metrics.iou import iou
from loss_study.metrics.masks import above_threshold
from loss_study.metrics.mean_iou import mean_iou
from support.predictions import blobs


def of(prediction, target):
    masks = above_threshold(prediction, target)
    return mean_iou(Counts.of(masks), masks.pixels)


def test_it_is_the_mean_of_the_iou_of_the_mask_and_of_its_negative():
    prediction, target = ((tensor > 0.5).float() for tensor in blobs().values())
    there, back = (
        iou(Counts.of(above_threshold(*pair))) for pair in ((prediction, target), (1 - prediction, 1 - target))
    )
    torch.testing.assert_close(of(prediction, target), (there + back) / 2)
    torch.testing.assert_close(of(prediction, target), of(1 - prediction, 1 - target))


def test_a_class_that_neither_has_is_left_out():
    nothing, half = torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4)
    half[..., :2] = 1
    assert of(nothing, nothing).item() == 1
    assert of(half, nothing).item() == pytest.approx((0 + 8 / 16) / 2)
