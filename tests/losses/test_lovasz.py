"""The loss `lovasz`: values worked out by hand, identities, and the same loss of other libraries."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from support.loss_examples import (
    CERTAIN,
    agree,
    class_pair,
    mask_pair,
    values,
)


def iou_of(predicted, target):
    """1 - IoU of each image and class of two masks of zeros and ones, where both are empty 0."""
    union = torch.maximum(predicted, target).sum(dim=(2, 3))
    return torch.where(union > 0, 1 - (predicted * target).sum(dim=(2, 3)) / union.clamp_min(1), 0.0)


def test_lovasz_extends_iou():
    """Where every error is 0 or 1 it is 1 - IoU of the mask in which just these pixels are wrong."""
    _, target = mask_pair()
    wrong = (torch.rand(target.shape, generator=torch.Generator().manual_seed(2)) < 0.2).float()
    logits = (2 * target - 1) * (1 - wrong)
    torch.testing.assert_close(values("lovasz", logits, target), iou_of((target - wrong).abs(), target)[:, 0])


def test_lovasz_extends_the_mean_iou_of_classes():
    answer, target = class_pair()[0].argmax(dim=1), class_pair()[1]
    predicted = F.one_hot(answer, 3).movedim(3, 1).float()
    torch.testing.assert_close(values("lovasz", predicted * CERTAIN, target), iou_of(predicted, target).mean(dim=1))


def test_lovasz_is_zero_for_the_right_prediction_and_beyond_its_margin():
    _, target = mask_pair()
    for margin in (1.0, 2.0, CERTAIN):
        logits = (margin * (2 * target - 1)).requires_grad_()
        found = values("lovasz", logits, target)
        found.sum().backward()
        assert found.tolist() == [0.0] * 3 and logits.grad.isfinite().all()
    assert (values("lovasz", 0.5 * (2 * target - 1), target) > 0).all()


def test_lovasz_by_its_definition():
    """Sorted by error, each pixel times the increment of 1 - IoU when it joins the wrong ones."""
    logits, target = mask_pair(images=2, size=4)
    expected = []
    for z, t in zip(logits.flatten(1), target.flatten(1), strict=True):
        errors = (1 - z * (2 * t - 1)).clamp_min(0)
        wrong, before, value = torch.zeros_like(t), 0.0, 0.0
        for place in errors.argsort(descending=True):
            wrong[place] = 1
            after = iou_of((t - wrong).abs().view(1, 1, 4, 4), t.view(1, 1, 4, 4)).item()
            value, before = value + errors[place].item() * (after - before), after
        expected.append(value)
    torch.testing.assert_close(values("lovasz", logits, target), torch.tensor(expected))


def test_lovasz_is_that_of_smp():
    from segmentation_models_pytorch.losses import LovaszLoss

    logits, target = mask_pair(size=24)
    agree("lovasz", LovaszLoss("binary", per_image=True), logits, target, target[:, 0])
    logits, target = class_pair(size=24)
    agree("lovasz", LovaszLoss("multiclass", per_image=True), logits, target, target.argmax(dim=1))


def test_lovasz_is_that_of_kornia():
    from kornia.losses import lovasz_hinge_loss, lovasz_softmax_loss

    logits, target = mask_pair(size=24)
    agree("lovasz", lovasz_hinge_loss, logits, target, target[:, 0])
    logits, target = class_pair(size=24)
    agree("lovasz", lovasz_softmax_loss, logits, target, target.argmax(dim=1))
