"""The loss `dice`: values worked out by hand, identities, and the same loss of other libraries."""

from __future__ import annotations

import itertools

import pytest
import torch

from support.loss_examples import (
    configured,
    discs,
    soft_pair,
)


def test_dice_values():
    # p = 0.5 on four pixels, one of them foreground: I = 0.5, sum p = 2, sum t = 1.
    target = torch.tensor([1.0, 0.0, 0.0, 0.0]).view(1, 1, 2, 2)
    logits = torch.zeros(1, 1, 2, 2)
    torch.testing.assert_close(configured("dice", smooth=1)(logits, target), torch.tensor([1 - 2 / 4]))
    torch.testing.assert_close(configured("dice", smooth=0)(logits, target), torch.tensor([1 - 1 / (3 + 1e-6)]))
    # An empty target and sum p = 2: 1 - 1 / 3.
    torch.testing.assert_close(configured("dice", smooth=1)(logits, target * 0), torch.tensor([2 / 3]))


def test_dice_is_zero_only_for_the_right_prediction():
    target = torch.stack([discs(images=1)[0], torch.zeros(1, 24, 24)])
    right = (target * 2 - 1) * 1e4
    assert configured("dice")(right, target).tolist() == [0.0, 0.0]
    assert (configured("dice")(-right, target) > 0.99).all()


@pytest.mark.parametrize("smooth", [0.0, 1.0, 10.0])
def test_dice_agrees_with_segmentation_models_pytorch(smooth):
    from segmentation_models_pytorch.losses import DiceLoss

    # Theirs is a Tversky loss of a half and a half, whose smoothing counts double; for soft targets it is another loss.
    reference = DiceLoss(mode="binary", from_logits=True, smooth=smooth / 2, eps=1e-6)
    (logits, _), target = soft_pair(images=3, size=24), discs(images=3)
    expected = torch.stack([reference(x[None], t[None]) for x, t in zip(logits, target, strict=True)])
    torch.testing.assert_close(configured("dice", smooth=smooth)(logits, target), expected)


def test_dice_predicts_depth_as_a_black_and_white_image():
    target = torch.tensor([0.1, 0.2, 0.3, 0.6, 0.8, 0.9]).view(1, 1, 2, 3)
    loss = configured("dice", smooth=0)
    corners = torch.tensor(list(itertools.product([0.0, 1.0], repeat=6))).view(-1, 1, 2, 3)
    values = loss((corners * 2 - 1) * 1e4, target.expand_as(corners))
    best = values.argmin()
    overlap = 1 - values[best]
    assert torch.equal(corners[best][None], (target > overlap / 2).float())
    inside = torch.randn(2000, 1, 2, 3, generator=torch.Generator().manual_seed(0)) * 4
    assert (loss(inside, target.expand_as(inside)) >= values[best]).all()
    assert loss(torch.logit(target), target) > values[best] + 0.1
