"""The loss `hausdorff`: values worked out by hand, and the same loss of MONAI."""

from __future__ import annotations

import math

import torch

from support.loss_examples import CERTAIN, agree, mask_pair, row, values


def test_values():
    # True is 1 0 0 0, predicted 0 0 0 1: squared distances of 1 and 9, and of 9 and 1, where the error is 1.
    target, logits = row(1.0, 0.0, 0.0, 0.0), row(-CERTAIN, -CERTAIN, -CERTAIN, CERTAIN)
    torch.testing.assert_close(values("hausdorff", logits, target), torch.tensor([(10 + 10) / 4 / 17]))
    found = values("hausdorff", logits, target, alpha=1.0)
    torch.testing.assert_close(found, torch.tensor([(4 + 4) / 4 / math.sqrt(17)]))


def test_it_is_that_of_monai():
    from monai.losses import HausdorffDTLoss

    logits, target = mask_pair(size=24)
    reference = HausdorffDTLoss(sigmoid=True, alpha=2.0, include_background=True)
    agree("hausdorff", lambda z, t: reference(z, t) / (2 * 24**2), logits, target)
