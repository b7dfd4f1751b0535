"""The loss `asymmetric_similarity`: values worked out by hand, and where it is dice and tversky."""

from __future__ import annotations

import torch

from support.loss_examples import CERTAIN, class_pair, corner, mask_pair, values


def test_values():
    target = corner(1.0, 1.0, 0.0, 0.0)[1]
    everything, nothing = torch.full_like(target, CERTAIN), torch.full_like(target, -CERTAIN)
    # beta = 2: weights 0.2 and 0.8. Two false positives: 1 - 3 / 3.4; two false negatives: 1 - 1 / 2.6.
    found = [values("asymmetric_similarity", logits, target, beta=2.0) for logits in (everything, nothing)]
    torch.testing.assert_close(torch.cat(found), torch.tensor([1 - 3 / 3.4, 1 - 1 / 2.6]))


def test_it_is_dice_and_tversky():
    for pair in (mask_pair(), class_pair()):
        dice = values("dice", *pair, smooth=2.0)
        torch.testing.assert_close(values("asymmetric_similarity", *pair, beta=1.0), dice)
        tversky = values("tversky", *pair, alpha=1 / 3.25, beta=2.25 / 3.25)
        torch.testing.assert_close(values("asymmetric_similarity", *pair), tversky)
