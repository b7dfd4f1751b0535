"""The loss `l1`: values worked out by hand, identities, and the same loss of other libraries."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from support.loss_examples import (
    configured,
    soft_pair,
)


def test_l1_values():
    target = torch.tensor([0.0, 1.0, 0.5, 0.2]).view(1, 1, 2, 2)
    torch.testing.assert_close(configured("l1")(torch.zeros(1, 1, 2, 2), target), torch.tensor([(0.5 + 0.5 + 0.3) / 4]))
    logits, soft = soft_pair()
    expected = F.l1_loss(torch.sigmoid(logits), soft, reduction="none").flatten(1).mean(1)
    torch.testing.assert_close(configured("l1")(logits, soft), expected)


def test_l1_without_a_sigmoid():
    """By hand: |-1 - 0|, |0.25 - 1|, |3 - 1|, |0.5 - 0.5|."""
    raw = torch.tensor([-1.0, 0.25, 3.0, 0.5]).view(1, 1, 2, 2)
    target = torch.tensor([0.0, 1.0, 1.0, 0.5]).view(1, 1, 2, 2)
    torch.testing.assert_close(configured("l1", sigmoid=False)(raw, target), torch.tensor([(1 + 0.75 + 2) / 4]))
    assert configured("l1", sigmoid=False).output.predict(raw).flatten().tolist() == [0, 0.25, 1, 0.5]
