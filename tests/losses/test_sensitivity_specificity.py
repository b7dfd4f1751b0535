"""The loss `sensitivity_specificity`: values worked out by hand."""

from __future__ import annotations

import torch

from support.loss_examples import CERTAIN, corner, values


def test_values():
    # A half everywhere, one pixel of four is foreground: errors of 1/4, one and three of them.
    expected = 0.1 * 0.25 / 2 + 0.9 * 0.75 / 4
    torch.testing.assert_close(values("sensitivity_specificity", *corner(1.0, 0.0, 0.0, 0.0)), torch.tensor([expected]))


def test_the_weight_is_of_the_foreground():
    target = corner(1.0, 1.0, 0.0, 0.0)[1]
    everything, nothing = torch.full_like(target, CERTAIN), torch.full_like(target, -CERTAIN)
    for logits, expected in ((everything, 0.7 * 2 / 3), (nothing, 0.3 * 2 / 3)):
        found = values("sensitivity_specificity", logits, target, weight=0.3)
        torch.testing.assert_close(found, torch.tensor([expected]))
