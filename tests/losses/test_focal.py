"""The loss `focal`: values worked out by hand, identities, and the same loss of other libraries."""

from __future__ import annotations

import math

import pytest
import torch

from support.loss_examples import (
    CERTAIN,
    agree,
    class_pair,
    corner,
    mask_pair,
    values,
)


def test_focal_values():
    # A half everywhere: (1 - 0.5)^2 log 2, and with gamma = 3 half of that.
    half = values("focal", *corner(1.0, 0.0, 0.0, 0.0))
    torch.testing.assert_close(half, torch.tensor([0.25 * math.log(2)]))
    torch.testing.assert_close(values("focal", *corner(1.0, 0.0, 0.0, 0.0), gamma=3.0), half / 2)


def test_focal_without_focus_is_cross_entropy():
    logits, target = mask_pair()
    torch.testing.assert_close(values("focal", logits, target, gamma=0.0), values("bce", logits, target))
    logits, target = class_pair()
    torch.testing.assert_close(values("focal", logits, target, gamma=0.0), values("cross_entropy", logits, target))


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
def test_focal_has_a_finite_gradient_where_it_is_right(gamma):
    for target in (mask_pair()[1], class_pair()[1]):
        right = (CERTAIN * (2 * target - 1)).requires_grad_()
        values("focal", right, target, gamma=gamma).sum().backward()
        assert right.grad.isfinite().all() and right.grad.abs().max() < 1e-6


def test_focal_is_that_of_smp():
    from segmentation_models_pytorch.losses import FocalLoss

    agree("focal", FocalLoss("binary", gamma=2.0), *mask_pair(size=24))
    agree(
        "focal", FocalLoss("binary", gamma=1.5, alpha=0.25), *mask_pair(size=24), gamma=1.5, class_weights=[0.75, 0.25]
    )


def test_focal_is_that_of_monai():
    from monai.losses import FocalLoss

    agree("focal", FocalLoss(gamma=2.0), *mask_pair(size=24))
    # They take the mean over the classes as well, so a third.
    logits, target = class_pair(size=24)
    weights = [0.5, 2.0, 7.0]
    reference = FocalLoss(gamma=1.5, use_softmax=True, weight=weights)
    agree("focal", lambda z, t: 3 * reference(z, t), logits, target, gamma=1.5, class_weights=weights)


def test_focal_is_that_of_kornia():
    from kornia.losses import focal_loss

    def reference(logits, target):
        """Theirs by pixel and class, of which only the true one is not 0."""
        return focal_loss(logits, target, alpha=None, gamma=2.0).sum(dim=1).mean()

    logits, target = class_pair(size=24)
    agree("focal", reference, logits, target, target.argmax(dim=1))
