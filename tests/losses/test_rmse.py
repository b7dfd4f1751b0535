"""The loss `rmse`: values worked out by hand, identities, and the same loss of other libraries."""

from __future__ import annotations

import math

import torch

from support.loss_examples import (
    configured,
)


def test_rmse_values_are_per_image():
    target = torch.tensor([[0.5, 0.5, 0.5, 0.5], [0.0, 1.0, 0.0, 1.0], [0.5, 0.5, 0.5, 0.1]]).view(3, 1, 2, 2)
    values = configured("rmse")(torch.zeros(3, 1, 2, 2), target)
    torch.testing.assert_close(values, torch.tensor([1e-3, math.sqrt(0.25 + 1e-6), math.sqrt(0.04 + 1e-6)]))


def test_rmse_has_a_finite_gradient_at_zero_error():
    logits = torch.zeros(1, 1, 4, 4, requires_grad=True)
    configured("rmse")(logits, torch.full((1, 1, 4, 4), 0.5)).backward()
    assert torch.equal(logits.grad, torch.zeros(1, 1, 4, 4))
