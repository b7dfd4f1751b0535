"""The loss `huber`: values worked out by hand, identities, and the same loss of other libraries."""

from __future__ import annotations

import torch

from support.loss_examples import (
    configured,
    soft_pair,
)


def test_huber_values():
    # Errors of 0.5 and 0.05 with delta 0.1: 0.1 (0.5 - 0.05) and 0.05^2 / 2.
    target = torch.tensor([0.0, 0.45]).view(1, 1, 1, 2)
    value = configured("huber", delta=0.1)(torch.zeros(1, 1, 1, 2), target)
    torch.testing.assert_close(value, torch.tensor([(0.045 + 0.00125) / 2]))
    logits, soft = soft_pair()
    half_squared = (torch.sigmoid(logits) - soft).square().mean(dim=(1, 2, 3)) / 2
    torch.testing.assert_close(configured("huber", delta=1.0)(logits, soft), half_squared)
    # For a vanishing delta it is delta times L1.
    torch.testing.assert_close(configured("huber", delta=1e-6)(logits, soft) / 1e-6, configured("l1")(logits, soft))
