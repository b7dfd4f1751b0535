"""The loss `exponential_logarithmic`: values worked out by hand."""

from __future__ import annotations

import math

import torch

from support.loss_examples import CERTAIN, corner, mask_pair, values


def test_values():
    # A half everywhere, one pixel of four is foreground: D = (1 + 1) / (3 + 1), and every p is a half.
    found = values("exponential_logarithmic", *corner(1.0, 0.0, 0.0, 0.0))
    torch.testing.assert_close(found, torch.tensor([math.log(2) ** 0.3]))
    found = values("exponential_logarithmic", *corner(1.0, 0.0, 0.0, 0.0), dice=0.5, cross=2.0, gamma=1.0)
    torch.testing.assert_close(found, torch.tensor([2.5 * math.log(2)]))


def test_class_weights_are_of_background_and_foreground():
    options = {"dice": 0.0, "cross": 1.0, "class_weights": [1.0, 5.0]}
    found = values("exponential_logarithmic", *corner(1.0, 0.0, 0.0, 0.0), **options)
    torch.testing.assert_close(found, torch.tensor([math.log(2) ** 0.3 * (5 + 3) / 4]))


def test_without_power_it_is_cross_entropy_beside_the_logarithm_of_dice():
    logits, target = mask_pair()
    expected = values("cross_entropy", logits, target) - (1 - values("dice", logits, target)).log()
    found = values("exponential_logarithmic", logits, target, dice=1.0, cross=1.0, gamma=1.0)
    torch.testing.assert_close(found, expected)


def test_the_gradient_is_finite_where_it_is_right():
    target = mask_pair()[1]
    right = (CERTAIN * (2 * target - 1)).requires_grad_()
    values("exponential_logarithmic", right, target).sum().backward()
    assert right.grad.isfinite().all()
