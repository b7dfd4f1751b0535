"""The loss `penalty_dice`: what it makes of `generalised_dice`."""

from __future__ import annotations

import pytest
import torch

from support.loss_examples import class_pair, mask_pair, values


@pytest.mark.parametrize("pair", [mask_pair, class_pair])
def test_without_penalty_it_is_generalised_dice(pair):
    torch.testing.assert_close(values("penalty_dice", *pair(), penalty=0.0), values("generalised_dice", *pair()))


def test_values():
    error = values("generalised_dice", *mask_pair())
    torch.testing.assert_close(values("penalty_dice", *mask_pair()), error / (1 + 2.5 * (1 - error)))


def test_small_errors_are_damped_more_than_large_ones():
    """The slope by the error g, (1 + k) / (1 + k (1 - g))^2, rises from 1 / (1 + k) to 1 + k."""
    slopes = []
    for logit in (6.0, -6.0):
        logits = (torch.where(mask_pair()[1] > 0.5, logit, -logit)).requires_grad_()
        gradients = [
            torch.autograd.grad(values(name, logits, mask_pair()[1]).sum(), logits)[0].norm()
            for name in ("penalty_dice", "generalised_dice")
        ]
        slopes.append(float(gradients[0] / gradients[1]))
    right, wrong = slopes
    assert 1 / 3.5 <= right < 0.5 and 2 < wrong <= 3.5
