"""The loss `silog`: values worked out by hand, identities, and the same loss of other libraries."""

from __future__ import annotations

import math

import torch

from support.loss_examples import (
    configured,
    depth_pair,
    row,
    values_of,
)


def test_silog_values_of():
    # log ratios a = log 2 and 0: mean of the squares a^2 / 2, square of the mean a^2 / 4.
    prediction, target = row(0.59, 0.29), row(0.29, 0.29)
    a = math.log(2)
    for focus, expected in ((0.0, a**2 / 2), (0.5, a**2 * (1 / 2 - 1 / 8)), (1.0, a**2 / 4)):
        torch.testing.assert_close(values_of("silog", prediction, target, focus=focus), torch.tensor([expected]))


def test_silog_with_all_its_focus_sees_no_common_factor():
    _, target = depth_pair()
    scaled = 0.6 * (target + 0.01) - 0.01
    assert values_of("silog", scaled, target, focus=1.0).abs().max() < 1e-6
    assert (values_of("silog", scaled, target, focus=0.5) > 0.1).all()


def test_silog_is_finite_and_has_a_gradient_where_the_depth_is_zero():
    target = row(0.0, 0.0)
    logits = torch.tensor([-2.0, 3.0]).view(1, 1, 1, 2).requires_grad_()
    configured("silog")(logits, target).sum().backward()
    assert logits.grad.isfinite().all() and (logits.grad > 0).all()


def test_silog_is_not_below_zero_where_only_rounding_is_left():
    for value in torch.linspace(0.01, 0.99, 50).tolist():
        flat = torch.full((1, 1, 32, 32), value)
        assert values_of("silog", flat, torch.full_like(flat, 0.37), focus=1.0).item() >= 0
