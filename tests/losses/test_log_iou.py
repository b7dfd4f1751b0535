"""The loss `log_iou`: values worked out by hand, identities, and the same loss of other libraries."""

from __future__ import annotations

import math

import torch

from support.loss_examples import (
    agree,
    class_pair,
    corner,
    mask_pair,
    values,
)


def test_log_iou_values():
    # A half everywhere, one pixel of four is foreground: I = 0.5, U = 2.5.
    found = values("log_iou", *corner(1.0, 0.0, 0.0, 0.0), smooth=1.0)
    torch.testing.assert_close(found, torch.tensor([-math.log(1.5 / 3.5)]))
    # Nothing is foreground: I = 0, U = 2.
    found = values("log_iou", *corner(0.0, 0.0, 0.0, 0.0))
    torch.testing.assert_close(found, torch.tensor([math.log(2.001 / 0.001)]))


def test_log_iou_is_the_logarithm_of_iou():
    logits, target = mask_pair()
    iou = 1 - values("iou", logits, target, smooth=0.001)
    torch.testing.assert_close(values("log_iou", logits, target), -iou.log())


def test_log_iou_over_all_classes_together():
    logits, target = class_pair()
    p = logits.softmax(dim=1)
    intersection, union = (p * target).flatten(1).sum(1), (p + target - p * target).flatten(1).sum(1)
    together = -((intersection + 0.001) / (union + 0.001)).log()
    torch.testing.assert_close(values("log_iou", logits, target, per_class=False), together)
    assert not torch.allclose(values("log_iou", logits, target), together)


def test_log_iou_is_log_jaccard_of_smp():
    from segmentation_models_pytorch.losses import JaccardLoss

    agree("log_iou", JaccardLoss("binary", log_loss=True, smooth=0.001), *mask_pair(size=24))
    logits, target = class_pair(size=24)
    agree("log_iou", JaccardLoss("multiclass", log_loss=True, smooth=0.001), logits, target, target.argmax(dim=1))
