"""The loss `bce`: values worked out by hand, identities, and the same loss of other libraries."""

from __future__ import annotations

import math

import torch
from torch.nn import functional as F

from support.loss_examples import (
    configured,
    soft_pair,
)


def test_bce_values():
    target = torch.tensor([0.0, 1.0, 0.5, 0.25]).view(4, 1, 1, 1)
    torch.testing.assert_close(configured("bce")(torch.zeros(4, 1, 1, 1), target), torch.full((4,), math.log(2)))
    logits, soft = soft_pair()
    expected = F.binary_cross_entropy(torch.sigmoid(logits), soft, reduction="none").flatten(1).mean(1)
    torch.testing.assert_close(configured("bce")(logits, soft), expected)


def test_bce_is_exact_where_the_sigmoid_saturates():
    logits = torch.tensor([1e4, 1e4, -1e4, -1e4, 1e4]).view(5, 1, 1, 1)
    target = torch.tensor([1.0, 0.0, 0.0, 1.0, 0.5]).view(5, 1, 1, 1)
    assert configured("bce")(logits, target).tolist() == [0.0, 1e4, 0.0, 1e4, 5e3]
