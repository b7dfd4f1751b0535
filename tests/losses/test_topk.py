"""The loss `topk`: values worked out by hand, and where it is cross-entropy."""

from __future__ import annotations

import math

import pytest
import torch

from support.loss_examples import class_pair, configured, mask_pair, row, values


def test_the_worst_pixels_count():
    # Probabilities of the true class: 1/2, 3/4, 1/4, 1/5.
    logits, target = row(0.0, math.log(3), math.log(3), -math.log(4)), row(1.0, 1.0, 0.0, 1.0)
    torch.testing.assert_close(values("topk", logits, target, share=0.25), torch.tensor([math.log(5)]))
    torch.testing.assert_close(values("topk", logits, target, share=0.5), torch.tensor([math.log(20) / 2]))
    assert values("topk", logits, target, share=1e-6) == values("topk", logits, target, share=0.25)


def test_only_valid_pixels_are_counted():
    logits, target = row(0.0, math.log(3), math.log(3), -math.log(4)), row(1.0, 1.0, 0.0, 1.0)
    found = configured("topk", share=0.5)(logits, target, row(1.0, 1.0, 0.0, 0.0))
    torch.testing.assert_close(found, torch.tensor([math.log(2)]))


@pytest.mark.parametrize("pair", [mask_pair, class_pair])
def test_all_pixels_are_cross_entropy(pair):
    torch.testing.assert_close(values("topk", *pair(), share=1.0), values("cross_entropy", *pair()))
