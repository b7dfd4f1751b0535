"""Losses for masks: values worked out by hand, and the identities that tie one loss to another."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from loss_study import losses
from loss_study.runtime.errors import StudyError

SHARES = losses.TargetStatistics(1 / 3, (0.6, 0.3, 0.1))
RIGHT = 1e4


def pair(images=3, size=16):
    """Random logits, and masks of zeros and ones, (N, 1, H, W)."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(images, 1, size, size, generator=generator) * 2
    return logits, (torch.rand(images, 1, size, size, generator=generator) > 0.7).float()


def class_pair(images=3, size=16, classes=3):
    """Random logits (N, K, H, W), and random classes, one-hot."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(images, classes, size, size, generator=generator) * 2
    indices = torch.randint(classes, (images, size, size), generator=generator)
    return logits, F.one_hot(indices, classes).movedim(3, 1).float()


def corner(*truth):
    """A picture of 2 x 2 with this truth, and the logits 0 for it: every pixel is predicted as 0.5."""
    return torch.zeros(1, 1, 2, 2), torch.tensor(truth).view(1, 1, 2, 2)


def values(name, logits, target, **options):
    return losses.build(name, **options)(logits, target)


# --- cross_entropy and focal ------------------------------------------------------------------------------------------


def test_cross_entropy_of_one_class_is_bce():
    logits, target = pair()
    torch.testing.assert_close(values("cross_entropy", logits, target), values("bce", logits, target))
    soft = torch.rand(3, 1, 16, 16, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(values("cross_entropy", logits, soft), values("bce", logits, soft))


def test_cross_entropy_of_two_classes_is_that_of_one_whose_logit_is_their_difference():
    logits, target = pair()
    both, one_hot = torch.cat([-logits / 2, logits / 2], dim=1), torch.cat([1 - target, target], dim=1)
    for name, options in (("cross_entropy", {}), ("focal", {}), ("cross_entropy", {"class_weights": [1.0, 4.0]})):
        torch.testing.assert_close(values(name, both, one_hot, **options), values(name, logits, target, **options))


def test_class_weights_multiply_the_pixels_of_their_class():
    # A half everywhere: one foreground pixel of weight 5 and three of the background of weight 2, divided by 4 pixels.
    found = values("cross_entropy", *corner(1.0, 0.0, 0.0, 0.0), class_weights=[2, 5])
    torch.testing.assert_close(found, torch.tensor([math.log(2) * (5 + 3 * 2) / 4]))
    logits, target = class_pair()
    weights = torch.tensor([0.5, 2.0, 7.0])
    by_torch = F.cross_entropy(logits, target.argmax(dim=1), weight=weights, reduction="none").mean(dim=(1, 2))
    torch.testing.assert_close(values("cross_entropy", logits, target, class_weights=weights.tolist()), by_torch)


@pytest.mark.parametrize("name", ["cross_entropy", "focal"])
def test_balanced_weights_come_from_the_shares_of_the_classes(name):
    resolved = losses.resolve(name, {"class_weights": "balanced"}, statistics=SHARES)["class_weights"]
    assert resolved == pytest.approx([1 / 1.8, 1 / 0.9, 1 / 0.3])
    assert sum(weight * share for weight, share in zip(resolved, SHARES.class_shares, strict=True)) == pytest.approx(1)
    one = losses.resolve(name, {"class_weights": "balanced"}, statistics=losses.TargetStatistics(0.1, (0.9, 0.1)))
    assert one["class_weights"] == pytest.approx([1 / 1.8, 5])
    assert losses.resolve(name, {}, statistics=SHARES)["class_weights"] == "none"


@pytest.mark.parametrize("name", ["cross_entropy", "focal"])
def test_class_weights_that_do_not_fit_are_refused(name):
    key = rf"loss_options\.{name}\.class_weights"
    with pytest.raises(StudyError, match=f"{key}: 2 weights for 3 classes"):
        values(name, *class_pair(), class_weights=[1.0, 2.0])
    with pytest.raises(StudyError, match=f"{key}: balanced is not resolved"):
        values(name, *class_pair(), class_weights="balanced")
    with pytest.raises(StudyError, match=rf"{key}: balanced needs training pixels of every class.*\[0.6, 0.4, 0.0\]"):
        losses.resolve(name, {"class_weights": "balanced"}, statistics=losses.TargetStatistics(1 / 3, (0.6, 0.4, 0.0)))
    for wrong in ("balancd", [0.0, 0.0], [1.0, -1.0], [1.0, math.inf], [True, 1.0], 3):
        with pytest.raises(StudyError, match=f"{key}: Input should be none, balanced, or a list"):
            losses.build(name, class_weights=wrong)


def test_focal_values():
    # A half everywhere: (1 - 0.5)^2 log 2, and with gamma = 3 half of that.
    half = values("focal", *corner(1.0, 0.0, 0.0, 0.0))
    torch.testing.assert_close(half, torch.tensor([0.25 * math.log(2)]))
    torch.testing.assert_close(values("focal", *corner(1.0, 0.0, 0.0, 0.0), gamma=3.0), half / 2)


def test_focal_without_focus_is_cross_entropy():
    logits, target = pair()
    torch.testing.assert_close(values("focal", logits, target, gamma=0.0), values("bce", logits, target))
    logits, target = class_pair()
    torch.testing.assert_close(values("focal", logits, target, gamma=0.0), values("cross_entropy", logits, target))


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
def test_focal_has_a_finite_gradient_where_it_is_right(gamma):
    for target in (pair()[1], class_pair()[1]):
        right = (RIGHT * (2 * target - 1)).requires_grad_()
        values("focal", right, target, gamma=gamma).sum().backward()
        assert right.grad.isfinite().all() and right.grad.abs().max() < 1e-6


# --- overlaps ---------------------------------------------------------------------------------------------------------


def test_overlap_values():
    # A half everywhere, one pixel of four is foreground: I = 0.5, sum p = 2, sum t = 1, so U = 2.5, FP = 1.5, FN = 0.5.
    one = corner(1.0, 0.0, 0.0, 0.0)
    torch.testing.assert_close(values("iou", *one), torch.tensor([1 - 1.5 / 3.5]))
    torch.testing.assert_close(values("log_iou", *one, smooth=1.0), torch.tensor([-math.log(1.5 / 3.5)]))
    tversky = 1 - 1.5 / (0.5 + 0.3 * 1.5 + 0.7 * 0.5 + 1)
    torch.testing.assert_close(values("tversky", *one), torch.tensor([tversky]))
    torch.testing.assert_close(values("focal_tversky", *one, gamma=2.0), torch.tensor([math.sqrt(tversky)]))
    # Nothing is foreground: I = 0, FP = 2.
    none = corner(0.0, 0.0, 0.0, 0.0)
    torch.testing.assert_close(values("iou", *none), torch.tensor([1 - 1 / 3]))
    torch.testing.assert_close(values("log_iou", *none), torch.tensor([math.log(2.001 / 0.001)]))
    torch.testing.assert_close(values("tversky", *none), torch.tensor([1 - 1 / 1.6]))


@pytest.mark.parametrize("smooth", [0.5, 1.0, 10.0])
def test_tversky_is_dice_and_iou_at_its_corners(smooth):
    logits, target = pair()
    dice = values("dice", logits, target, smooth=2 * smooth)
    torch.testing.assert_close(values("tversky", logits, target, alpha=0.5, beta=0.5, smooth=smooth), dice)
    for logits, target in (pair(), class_pair()):
        iou = values("iou", logits, target, smooth=smooth)
        torch.testing.assert_close(values("tversky", logits, target, alpha=1.0, beta=1.0, smooth=smooth), iou)


def test_tversky_prices_what_is_marked_too_much_and_what_is_missed():
    target = corner(1.0, 1.0, 0.0, 0.0)[1]
    everything, nothing = torch.full_like(target, RIGHT), torch.full_like(target, -RIGHT)
    # Two false positives: 1 - 3 / (3 + 2 alpha); two false negatives: 1 - 1 / (1 + 2 beta).
    torch.testing.assert_close(values("tversky", everything, target, alpha=0.3), torch.tensor([1 - 3 / 3.6]))
    torch.testing.assert_close(values("tversky", nothing, target, beta=0.7), torch.tensor([1 - 1 / 2.4]))


def test_focal_tversky_of_the_first_root_is_tversky():
    for logits, target in (pair(), class_pair()):
        torch.testing.assert_close(
            values("focal_tversky", logits, target, gamma=1.0), values("tversky", logits, target)
        )


def test_focal_tversky_has_a_finite_gradient_at_the_truth_where_the_root_has_not():
    target = pair()[1]
    right = (RIGHT * (2 * target - 1)).requires_grad_()
    found = values("focal_tversky", right, target, gamma=3.0)
    found.sum().backward()
    assert found.tolist() == [0.0, 0.0, 0.0] and not right.grad.any()
    near = (8 * (2 * target - 1)).requires_grad_()
    values("focal_tversky", near, target, gamma=3.0).sum().backward()
    assert near.grad.isfinite().all() and (near.grad * (2 * target - 1) < 0).all()


def test_log_iou_is_the_logarithm_of_iou():
    logits, target = pair()
    iou = 1 - values("iou", logits, target, smooth=0.001)
    torch.testing.assert_close(values("log_iou", logits, target), -iou.log())


def test_log_iou_over_all_classes_together():
    logits, target = class_pair()
    p = logits.softmax(dim=1)
    intersection, union = (p * target).flatten(1).sum(1), (p + target - p * target).flatten(1).sum(1)
    together = -((intersection + 0.001) / (union + 0.001)).log()
    torch.testing.assert_close(values("log_iou", logits, target, per_class=False), together)
    assert not torch.allclose(values("log_iou", logits, target), together)


def test_a_class_that_an_image_does_not_have_is_taught_to_be_absent():
    target = torch.zeros(1, 3, 8, 8)
    target[:, 0] = 1
    for name in ("iou", "log_iou", "tversky", "focal_tversky", "lovasz"):
        logits = torch.zeros_like(target).requires_grad_()
        values(name, logits, target).sum().backward()
        assert (logits.grad[:, 0].sum() < 0) and (logits.grad[:, 1].sum() > 0) and (logits.grad[:, 2].sum() > 0), name


# --- lovasz -----------------------------------------------------------------------------------------------------------


def iou_of(predicted, target):
    """1 - IoU of each image and class of two masks of zeros and ones, where both are empty 0."""
    union = torch.maximum(predicted, target).sum(dim=(2, 3))
    return torch.where(union > 0, 1 - (predicted * target).sum(dim=(2, 3)) / union.clamp_min(1), 0.0)


def test_lovasz_extends_iou():
    """Where every error is 0 or 1 it is 1 - IoU of the mask in which just these pixels are wrong."""
    _, target = pair()
    wrong = (torch.rand(target.shape, generator=torch.Generator().manual_seed(2)) < 0.2).float()
    logits = (2 * target - 1) * (1 - wrong)
    torch.testing.assert_close(values("lovasz", logits, target), iou_of((target - wrong).abs(), target)[:, 0])


def test_lovasz_extends_the_mean_iou_of_classes():
    answer, target = class_pair()[0].argmax(dim=1), class_pair()[1]
    predicted = F.one_hot(answer, 3).movedim(3, 1).float()
    torch.testing.assert_close(values("lovasz", predicted * RIGHT, target), iou_of(predicted, target).mean(dim=1))


def test_lovasz_is_zero_for_the_right_answer_and_beyond_its_margin():
    _, target = pair()
    for margin in (1.0, 2.0, RIGHT):
        logits = (margin * (2 * target - 1)).requires_grad_()
        found = values("lovasz", logits, target)
        found.sum().backward()
        assert found.tolist() == [0.0] * 3 and logits.grad.isfinite().all()
    assert (values("lovasz", 0.5 * (2 * target - 1), target) > 0).all()


def test_lovasz_by_its_definition():
    """Sorted by error, each pixel times the increment of 1 - IoU when it joins the wrong ones."""
    logits, target = pair(images=2, size=4)
    expected = []
    for z, t in zip(logits.flatten(1), target.flatten(1), strict=True):
        errors = (1 - z * (2 * t - 1)).clamp_min(0)
        wrong, before, value = torch.zeros_like(t), 0.0, 0.0
        for place in errors.argsort(descending=True):
            wrong[place] = 1
            after = iou_of((t - wrong).abs().view(1, 1, 4, 4), t.view(1, 1, 4, 4)).item()
            value, before = value + errors[place].item() * (after - before), after
        expected.append(value)
    torch.testing.assert_close(values("lovasz", logits, target), torch.tensor(expected))
