"""The loss `iou`: values worked out by hand, identities, and the same loss of other libraries."""

from __future__ import annotations

import pytest
import torch

from support.loss_examples import (
    agree,
    class_pair,
    corner,
    mask_pair,
    values,
)


def test_iou_values():
    # A half everywhere, one pixel of four is foreground: I = 0.5, sum p = 2, sum t = 1, so U = 2.5.
    torch.testing.assert_close(values("iou", *corner(1.0, 0.0, 0.0, 0.0)), torch.tensor([1 - 1.5 / 3.5]))
    # Nothing is foreground: I = 0, U = 2.
    torch.testing.assert_close(values("iou", *corner(0.0, 0.0, 0.0, 0.0)), torch.tensor([1 - 1 / 3]))


@pytest.mark.parametrize("smooth", [1e-5, 1.0])
def test_iou_is_jaccard_of_smp(smooth):
    from segmentation_models_pytorch.losses import JaccardLoss

    agree("iou", JaccardLoss("binary", smooth=smooth), *mask_pair(size=24), smooth=smooth)
    logits, target = class_pair(size=24)
    agree("iou", JaccardLoss("multiclass", smooth=smooth), logits, target, target.argmax(dim=1), smooth=smooth)


def test_iou_is_jaccard_dice_of_monai():
    from monai.losses import DiceLoss

    # They double numerator and denominator before they smooth them.
    same = {"jaccard": True, "smooth_nr": 2.0, "smooth_dr": 2.0}
    agree("iou", DiceLoss(sigmoid=True, **same), *mask_pair(size=24))
    agree("iou", DiceLoss(softmax=True, **same), *class_pair(size=24))
