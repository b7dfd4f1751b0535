"""The loss `focal_tversky`: values worked out by hand, identities, and the same loss of other libraries."""

from __future__ import annotations

import math

import torch

from support.loss_examples import (
    CERTAIN,
    agree,
    class_pair,
    corner,
    mask_pair,
    values,
)


def test_focal_tversky_values():
    tversky = 1 - 1.5 / (0.5 + 0.3 * 1.5 + 0.7 * 0.5 + 1)
    found = values("focal_tversky", *corner(1.0, 0.0, 0.0, 0.0), gamma=2.0)
    torch.testing.assert_close(found, torch.tensor([math.sqrt(tversky)]))


def test_focal_tversky_of_the_first_root_is_tversky():
    for logits, target in (mask_pair(), class_pair()):
        torch.testing.assert_close(
            values("focal_tversky", logits, target, gamma=1.0), values("tversky", logits, target)
        )


def test_focal_tversky_has_a_finite_gradient_at_the_target_where_the_root_has_not():
    target = mask_pair()[1]
    right = (CERTAIN * (2 * target - 1)).requires_grad_()
    found = values("focal_tversky", right, target, gamma=3.0)
    found.sum().backward()
    assert found.tolist() == [0.0, 0.0, 0.0] and not right.grad.any()
    near = (8 * (2 * target - 1)).requires_grad_()
    values("focal_tversky", near, target, gamma=3.0).sum().backward()
    assert near.grad.isfinite().all() and (near.grad * (2 * target - 1) < 0).all()


def test_focal_tversky_is_that_of_smp_for_one_class():
    from segmentation_models_pytorch.losses import TverskyLoss

    # Their gamma is the power itself, ours as the paper's the root.
    reference = TverskyLoss("binary", smooth=1.0, alpha=0.3, beta=0.7, gamma=1 / 1.5)
    agree("focal_tversky", reference, *mask_pair(size=24), gamma=1.5)
