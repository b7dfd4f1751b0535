"""Soft IoU, the "custom IoU"."""

import pytest
import torch

from loss_study.metrics.soft_iou import SMOOTH, SOFT_IOU, soft_iou, soft_iou_of_mask
from support.predictions import blobs, mixtures

ALL = torch.ones(1, 1, 1, 2, dtype=torch.bool)


def test_by_hand():
    # Two pixels of classes 0 and 1, which get 0.75 and 0.5.
    prediction = torch.tensor([[0.75, 0.5], [0.25, 0.5]]).view(1, 2, 1, 2)
    target = torch.tensor([[True, False], [False, True]]).view(1, 2, 1, 2)
    assert soft_iou(prediction, target, ALL).item() == pytest.approx((1.25 + SMOOTH) / (2 + 2 - 1.25 + SMOOTH))
    # The first pixel alone.
    valid = torch.tensor([True, False]).view(1, 1, 1, 2)
    assert soft_iou(prediction, target, valid).item() == pytest.approx((0.75 + SMOOTH) / (1 + 1 - 0.75 + SMOOTH))
    assert SOFT_IOU.name == "custom_iou"


def test_certain_predictions_have_the_iou_of_all_classes_pooled():
    """Of n pixels the r right ones are in both, so that it is r / (2 n - r)."""
    target = mixtures()["target"]
    predicted = torch.nn.functional.one_hot(mixtures()["prediction"].argmax(dim=1), 3).movedim(-1, 1).float()
    right = (predicted * target).sum(dim=(1, 2, 3)).double()
    found = soft_iou(predicted, target > 0, torch.ones(5, 1, 24, 24, dtype=torch.bool))
    torch.testing.assert_close(found, right / (2 * 24 * 24 - right), atol=1e-5, rtol=0)


def test_a_mask_of_one_class_counts_its_background():
    pair = blobs()
    target, valid = pair["target"] > 0.5, torch.ones_like(pair["target"], dtype=torch.bool)
    found = soft_iou_of_mask(pair["prediction"], target, valid)
    torch.testing.assert_close(found, soft_iou_of_mask(1 - pair["prediction"], ~target, valid))
    assert (soft_iou_of_mask(pair["target"], target, valid) == 1).all()
