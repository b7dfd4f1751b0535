"""The loss `generalised_dice`: values worked out by hand, and the same loss of MONAI."""

from __future__ import annotations

import torch

from support.loss_examples import agree, class_pair, corner, mask_pair, values


def test_values():
    # A half everywhere, one pixel of four is foreground: I = 0.5 and 1.5, P = 2 and 2, T = 1 and 3; s = 1.
    weights = torch.tensor([1 / 4, 1 / 16])
    smoothing = weights.mean()
    expected = 1 - (2 * (weights @ torch.tensor([0.5, 1.5])) + smoothing) / (
        weights @ torch.tensor([3.0, 5.0]) + smoothing
    )
    torch.testing.assert_close(values("generalised_dice", *corner(1.0, 0.0, 0.0, 0.0)), expected[None])


def test_one_class_is_two():
    logits, target = mask_pair()
    both = torch.cat([torch.zeros_like(logits), logits], dim=1), torch.cat([1 - target, target], dim=1)
    torch.testing.assert_close(values("generalised_dice", logits, target), values("generalised_dice", *both))


def test_it_is_that_of_monai():
    from monai.losses import GeneralizedDiceLoss

    reference = GeneralizedDiceLoss(softmax=True, smooth_nr=0.0, smooth_dr=0.0)
    agree("generalised_dice", reference, *class_pair(size=24), smooth=1e-6)
