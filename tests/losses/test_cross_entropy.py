"""The loss `cross_entropy`: values worked out by hand, identities, and the same loss of other libraries."""

from __future__ import annotations

import torch

from support.loss_examples import (
    mask_pair,
    values,
)


def test_cross_entropy_of_one_class_is_bce():
    logits, target = mask_pair()
    torch.testing.assert_close(values("cross_entropy", logits, target), values("bce", logits, target))
    soft = torch.rand(3, 1, 16, 16, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(values("cross_entropy", logits, soft), values("bce", logits, soft))


def test_cross_entropy_of_two_classes_is_that_of_one_whose_logit_is_their_difference():
    logits, target = mask_pair()
    both, one_hot = torch.cat([-logits / 2, logits / 2], dim=1), torch.cat([1 - target, target], dim=1)
    for name, options in (("cross_entropy", {}), ("focal", {}), ("cross_entropy", {"class_weights": [1.0, 4.0]})):
        torch.testing.assert_close(values(name, both, one_hot, **options), values(name, logits, target, **options))
