"""The losses against those of segmentation-models-pytorch, MONAI and kornia, image by image.

One file, because each of the libraries takes seconds to import.
"""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from loss_study import losses

SMOOTH = 1e-5


def pair():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 1, 24, 24, generator=generator) * 2
    return logits, (torch.rand(3, 1, 24, 24, generator=generator) > 0.7).float()


def class_pair():
    """Logits and one-hot truth of three classes, all of them in every image."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 3, 24, 24, generator=generator) * 2
    indices = torch.randint(3, (3, 24, 24), generator=generator)
    return logits, F.one_hot(indices, 3).movedim(3, 1).float()


def theirs(loss, logits, target):
    """Return what a loss of a library, which takes the mean over a batch, says of each image."""
    return torch.stack([loss(z[None], t[None]) for z, t in zip(logits, target, strict=True)])


def agree(name, loss, logits, target, theirs_target=None, **options):
    expected = theirs(loss, logits, target if theirs_target is None else theirs_target)
    torch.testing.assert_close(losses.build(name, **options)(logits, target), expected, atol=1e-5, rtol=1e-4)


# --- segmentation-models-pytorch --------------------------------------------------------------------------------------


@pytest.mark.parametrize("smooth", [SMOOTH, 1.0])
def test_iou_is_jaccard_of_smp(smooth):
    from segmentation_models_pytorch.losses import JaccardLoss

    agree("iou", JaccardLoss("binary", smooth=smooth), *pair(), smooth=smooth)
    logits, target = class_pair()
    agree("iou", JaccardLoss("multiclass", smooth=smooth), logits, target, target.argmax(dim=1), smooth=smooth)


def test_log_iou_is_log_jaccard_of_smp():
    from segmentation_models_pytorch.losses import JaccardLoss

    agree("log_iou", JaccardLoss("binary", log_loss=True, smooth=0.001), *pair())
    logits, target = class_pair()
    agree("log_iou", JaccardLoss("multiclass", log_loss=True, smooth=0.001), logits, target, target.argmax(dim=1))


def test_tversky_is_that_of_smp():
    from segmentation_models_pytorch.losses import TverskyLoss

    weights = {"alpha": 0.2, "beta": 0.9}
    agree("tversky", TverskyLoss("binary", smooth=1.0, **weights), *pair(), **weights)
    logits, target = class_pair()
    agree("tversky", TverskyLoss("multiclass", smooth=1.0, **weights), logits, target, target.argmax(dim=1), **weights)


def test_focal_tversky_is_that_of_smp_for_one_class():
    from segmentation_models_pytorch.losses import TverskyLoss

    # Their gamma is the power itself, ours as the paper's the root.
    reference = TverskyLoss("binary", smooth=1.0, alpha=0.3, beta=0.7, gamma=1 / 1.5)
    agree("focal_tversky", reference, *pair(), gamma=1.5)


def test_focal_is_that_of_smp():
    from segmentation_models_pytorch.losses import FocalLoss

    agree("focal", FocalLoss("binary", gamma=2.0), *pair())
    agree("focal", FocalLoss("binary", gamma=1.5, alpha=0.25), *pair(), gamma=1.5, class_weights=[0.75, 0.25])


def test_lovasz_is_that_of_smp():
    from segmentation_models_pytorch.losses import LovaszLoss

    logits, target = pair()
    agree("lovasz", LovaszLoss("binary", per_image=True), logits, target, target[:, 0])
    logits, target = class_pair()
    agree("lovasz", LovaszLoss("multiclass", per_image=True), logits, target, target.argmax(dim=1))


# --- MONAI ------------------------------------------------------------------------------------------------------------


def test_iou_is_jaccard_dice_of_monai():
    from monai.losses import DiceLoss

    # They double numerator and denominator before they smooth them.
    same = {"jaccard": True, "smooth_nr": 2.0, "smooth_dr": 2.0}
    agree("iou", DiceLoss(sigmoid=True, **same), *pair())
    agree("iou", DiceLoss(softmax=True, **same), *class_pair())


def test_tversky_is_that_of_monai():
    from monai.losses import TverskyLoss

    same = {"alpha": 0.3, "beta": 0.7, "smooth_nr": 1.0, "smooth_dr": 1.0}
    agree("tversky", TverskyLoss(sigmoid=True, **same), *pair())
    agree("tversky", TverskyLoss(softmax=True, **same), *class_pair())


def test_focal_is_that_of_monai():
    from monai.losses import FocalLoss

    agree("focal", FocalLoss(gamma=2.0), *pair())
    # They take the mean over the classes as well, so a third.
    logits, target = class_pair()
    weights = [0.5, 2.0, 7.0]
    reference = FocalLoss(gamma=1.5, use_softmax=True, weight=weights)
    agree("focal", lambda z, t: 3 * reference(z, t), logits, target, gamma=1.5, class_weights=weights)


# --- kornia -----------------------------------------------------------------------------------------------------------


def test_focal_is_that_of_kornia():
    from kornia.losses import focal_loss

    def reference(logits, target):
        """Theirs by pixel and class, of which only the true one is not 0."""
        return focal_loss(logits, target, alpha=None, gamma=2.0).sum(dim=1).mean()

    logits, target = class_pair()
    agree("focal", reference, logits, target, target.argmax(dim=1))


def test_lovasz_is_that_of_kornia():
    from kornia.losses import lovasz_hinge_loss, lovasz_softmax_loss

    logits, target = pair()
    agree("lovasz", lovasz_hinge_loss, logits, target, target[:, 0])
    logits, target = class_pair()
    agree("lovasz", lovasz_softmax_loss, logits, target, target.argmax(dim=1))
