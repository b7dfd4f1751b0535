"""The loss `tversky`: values worked out by hand, identities, and the same loss of other libraries."""

from __future__ import annotations

import pytest
import torch

from support.loss_examples import (
    CERTAIN,
    agree,
    class_pair,
    corner,
    mask_pair,
    values,
)


def test_tversky_values():
    # A half everywhere, one pixel of four is foreground: I = 0.5, FP = 1.5, FN = 0.5.
    expected = 1 - 1.5 / (0.5 + 0.3 * 1.5 + 0.7 * 0.5 + 1)
    torch.testing.assert_close(values("tversky", *corner(1.0, 0.0, 0.0, 0.0)), torch.tensor([expected]))
    # Nothing is foreground: I = 0, FP = 2.
    torch.testing.assert_close(values("tversky", *corner(0.0, 0.0, 0.0, 0.0)), torch.tensor([1 - 1 / 1.6]))


@pytest.mark.parametrize("smooth", [0.5, 1.0, 10.0])
def test_tversky_is_dice_and_iou_at_its_corners(smooth):
    logits, target = mask_pair()
    dice = values("dice", logits, target, smooth=2 * smooth)
    torch.testing.assert_close(values("tversky", logits, target, alpha=0.5, beta=0.5, smooth=smooth), dice)
    for logits, target in (mask_pair(), class_pair()):
        iou = values("iou", logits, target, smooth=smooth)
        torch.testing.assert_close(values("tversky", logits, target, alpha=1.0, beta=1.0, smooth=smooth), iou)


def test_tversky_weighs_false_positives_and_false_negatives():
    target = corner(1.0, 1.0, 0.0, 0.0)[1]
    everything, nothing = torch.full_like(target, CERTAIN), torch.full_like(target, -CERTAIN)
    # Two false positives: 1 - 3 / (3 + 2 alpha); two false negatives: 1 - 1 / (1 + 2 beta).
    torch.testing.assert_close(values("tversky", everything, target, alpha=0.3), torch.tensor([1 - 3 / 3.6]))
    torch.testing.assert_close(values("tversky", nothing, target, beta=0.7), torch.tensor([1 - 1 / 2.4]))


def test_tversky_is_that_of_smp():
    from segmentation_models_pytorch.losses import TverskyLoss

    weights = {"alpha": 0.2, "beta": 0.9}
    agree("tversky", TverskyLoss("binary", smooth=1.0, **weights), *mask_pair(size=24), **weights)
    logits, target = class_pair(size=24)
    agree("tversky", TverskyLoss("multiclass", smooth=1.0, **weights), logits, target, target.argmax(dim=1), **weights)


def test_tversky_is_that_of_monai():
    from monai.losses import TverskyLoss

    same = {"alpha": 0.3, "beta": 0.7, "smooth_nr": 1.0, "smooth_dr": 1.0}
    agree("tversky", TverskyLoss(sigmoid=True, **same), *mask_pair(size=24))
    agree("tversky", TverskyLoss(softmax=True, **same), *class_pair(size=24))
