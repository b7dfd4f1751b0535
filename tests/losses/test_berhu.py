"""The loss `berhu`: values worked out by hand, identities, and the same loss of other libraries."""

from __future__ import annotations

import torch

from support.loss_examples import (
    configured,
    depth_pair,
    row,
    values_of,
)


def test_berhu_values_of():
    # Errors 0.1 and 0.5, the threshold is 0.1: |0.1|, and (0.25 + 0.01) / 0.2.
    found = values_of("berhu", row(0.6, 0.9), row(0.5, 0.4))
    torch.testing.assert_close(found, torch.tensor([(0.1 + 1.3) / 2]))


def test_berhu_up_to_the_largest_error_is_l1():
    prediction, target = depth_pair()
    torch.testing.assert_close(values_of("berhu", prediction, target, share=1.0), values_of("l1", prediction, target))


def test_the_gradient_of_berhu_takes_the_threshold_as_given():
    prediction, target = depth_pair(images=1, size=4)
    logits = torch.logit(prediction).requires_grad_()
    configured("berhu")(logits, target).sum().backward()
    error = prediction - target
    threshold = 0.2 * error.abs().max()
    by_prediction = torch.where(error.abs() <= threshold, error.sign(), error / threshold) / error.numel()
    torch.testing.assert_close(logits.grad, by_prediction * prediction * (1 - prediction))
