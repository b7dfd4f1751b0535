"""Properties that every loss must have, with a file or as a combination in conf/loss/."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import torch
import yaml

from loss_study import losses
from loss_study.config import composition
from loss_study.losses.shared.base import CASES
from support.loss_examples import (
    classes_of_discs,
    depths,
    descend,
    discs,
    of_mean,
    resolved,
    resolved_for_classes,
    soft_pair,
    values,
)

NAMES = losses.names()
LOSSES = {name: losses.with_a_file(name) for name in NAMES}
MASK = [name for name, loss in LOSSES.items() if "mask" in loss.heads]
MULTICLASS = [name for name, loss in LOSSES.items() if loss.multiclass]
LEAVES_OUT = [name for name, loss in LOSSES.items() if loss.takes_valid]
#: For an empty mask only their worst pixel has a gradient.
SPARSE = {"lovasz"}
#: Only their worst pixels have a gradient.
WORST_ONLY = {"topk"}
#: Combinations of conf/loss/segloss.yaml.
OF_SEGLOSS = ["dice_topk", "dice_focal", "dice_hausdorff", "dice_boundary"]
CONF = Path(__file__).parents[2] / "conf" / "loss"


def cases_of(loss):
    """What the loss is used on."""
    used = {
        "mask": "mask" in loss.heads,
        "classes": "mask" in loss.heads and loss.multiclass,
        "depth": "depth" in loss.heads,
    }
    return [case for case in CASES if used[case]]


@pytest.mark.parametrize("name", NAMES)
def test_one_float32_value_per_image(name):
    values = resolved(name)(*soft_pair(images=3))
    assert values.shape == (3,)
    assert values.dtype == torch.float32


@pytest.mark.parametrize("name", MASK)
def test_the_true_mask_beats_every_other_prediction(name):
    target, loss = discs(), resolved(name)
    right = (target * 2 - 1) * 20
    others = {"inverted": -right, "undecided": right * 0, "all background": -right.abs(), "all foreground": right.abs()}
    for answer, logits in others.items():
        assert (loss(right, target) < loss(logits, target) - 0.01).all(), answer


@pytest.mark.parametrize("name", MASK)
def test_descent_finds_the_mask(name):
    target = discs()
    logits = descend(resolved(name), torch.zeros_like(target), target, steps=40, step=0.2)
    assert torch.equal(logits > 0, target > 0.5)


def ground_truth(case):
    """A target, and logits whose prediction is the target."""
    if case == "depth":
        return depths(), torch.logit(depths())
    target = discs() if case == "mask" else classes_of_discs()
    return target, (2 * target - 1) * 20


def gain_over_ground_truth(loss, case):
    """By how much the best prediction that descent finds, from two starts, is better than the ground right."""
    target, right = ground_truth(case)
    near = descend(loss, right, target, steps=40, step=0.05)
    far = descend(loss, torch.zeros_like(right), target, steps=80, step=0.25)
    return loss(right, target) - torch.minimum(loss(near, target), loss(far, target))


@pytest.mark.parametrize(("name", "case"), [(name, case) for name in NAMES for case in cases_of(LOSSES[name])])
def test_the_field_says_where_the_ground_truth_is_the_minimum(name, case):
    loss = resolved_for_classes(name) if case == "classes" else resolved(name)
    gain = gain_over_ground_truth(loss, case)
    assert (gain < 1e-6).all() if case in loss.minimised_by_target else (gain > 0.01).all()


@pytest.mark.parametrize("name", ["dice_bce", "bce_ssim", "l1_ssim", "dice_cross_entropy", "densedepth", *OF_SEGLOSS])
def test_the_field_of_a_combination_says_where_the_ground_truth_is_the_minimum(name):
    loss = losses.load(name, composition.composed([f"loss={name}"]).options_of(name)).resolve(of_mean(0.1))
    for case in cases_of(loss):
        gain = gain_over_ground_truth(loss, case)
        assert (gain < 1e-6).all() if case in loss.minimised_by_target else (gain > 0.01).all(), case


@pytest.mark.parametrize("name", MASK)
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_empty_and_full_masks_are_learned(name, value):
    loss, target = resolved(name), torch.full((2, 1, 16, 16), value)
    towards = 1 if value else -1
    values = [loss(torch.full_like(target, towards * step), target) for step in (-3.0, -1.0, 0.0, 1.0, 3.0, 6.0)]
    for worse, better in itertools.pairwise(values):
        assert ((better < worse) | (worse == 0)).all(), "nothing is better than 0"
    logits = torch.zeros_like(target, requires_grad=True)
    loss(logits, target).sum().backward()
    pulled = (logits.grad * towards < 0).flatten(1)
    if value == 0 and name in SPARSE:
        assert (pulled.sum(dim=1) == 1).all() and (logits.grad >= 0).all()
    elif name in WORST_ONLY:
        assert pulled.any(dim=1).all() and (logits.grad * towards <= 0).all()
    else:
        assert pulled.all(), "every pixel has a gradient towards the target"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("fill", [0.0, 1.0, "mask", "soft"])
def test_extreme_logits_stay_finite(name, fill):
    target = {"mask": discs(16), "soft": soft_pair(2)[1]}.get(fill)
    target = torch.full((2, 1, 16, 16), fill) if target is None else target
    signs = torch.where(soft_pair(2)[0] > 0, 1.0, -1.0)
    for logits in (signs * 1e4, torch.full_like(target, 1e4), torch.full_like(target, -1e4)):
        logits.requires_grad_()
        values = resolved(name)(logits, target)
        values.sum().backward()
        assert values.isfinite().all()
        assert logits.grad.isfinite().all()


# In the gradient of berhu the threshold is a constant: see test_berhu.py.
@pytest.mark.parametrize("name", [name for name in NAMES if name != "berhu"])
def test_gradient_agrees_with_finite_differences(name):
    logits, target = soft_pair(images=2, size=12, dtype=torch.float64)
    loss = resolved(name)
    assert loss(logits, target).dtype == torch.float64
    assert torch.autograd.gradcheck(lambda x: loss(x, target), logits.requires_grad_())


@pytest.mark.parametrize("name", NAMES)
def test_images_do_not_see_each_other(name):
    logits, target = soft_pair(images=4)
    loss, order = resolved(name), torch.tensor([2, 0, 3, 1])
    together = loss(logits, target)
    torch.testing.assert_close(loss(logits[order], target[order]), together[order])
    torch.testing.assert_close(
        torch.cat([loss(x[None], t[None]) for x, t in zip(logits, target, strict=True)]), together
    )
    logits.requires_grad_()
    loss(logits, target)[1].backward()
    assert not logits.grad[[0, 2, 3]].any()
    assert logits.grad[1].any()


@pytest.mark.parametrize("name", NAMES)
def test_autocast_changes_nothing(name):
    logits, target = soft_pair()
    logits = logits.bfloat16()
    loss = resolved(name)
    plain = loss(logits.float(), target)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = loss(logits, target)
    assert cast.dtype == torch.float32
    assert torch.equal(cast, plain)


@pytest.mark.parametrize("name", NAMES)
def test_half_precision_does_not_overflow_on_large_images(name):
    # A sum over 300 x 300 pixels is above 65,504, the largest half-precision number.
    logits, target = torch.full((1, 1, 300, 300), 6.0), torch.ones(1, 1, 300, 300)
    half = resolved(name)(logits.half(), target.half())
    assert half.isfinite().all()
    assert torch.equal(half, resolved(name)(logits, target))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("logits", "target"), [((2, 16, 16), (2, 16, 16)), ((2, 1, 16, 16), (1, 1, 16, 16))])
def test_wrong_shapes_are_refused(name, logits, target):
    with pytest.raises(ValueError, match=f"{name}: logits .* must be"):
        resolved(name)(torch.zeros(logits), torch.zeros(target))


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(MULTICLASS)))
def test_several_classes_are_refused_by_a_loss_of_one(name):
    with pytest.raises(ValueError, match=f"{name}: logits .* must be"):
        resolved(name)(torch.zeros(2, 2, 16, 16), torch.zeros(2, 2, 16, 16))


@pytest.mark.parametrize("name", LEAVES_OUT)
def test_invalid_pixels_change_nothing_and_have_no_gradient(name):
    logits, target = soft_pair()
    valid = (soft_pair(images=3)[1].flip(0) > 0.3).float()
    loss = resolved(name)
    values = loss(logits, target, valid)
    assert not torch.allclose(values, loss(logits, target))
    others = torch.where(valid > 0, logits, 7.0).requires_grad_()
    changed = loss(others, torch.where(valid > 0, target, 1 - target), valid)
    torch.testing.assert_close(changed, values)
    changed.sum().backward()
    assert not others.grad[valid == 0].any() and others.grad[valid > 0].any()


@pytest.mark.parametrize("name", LEAVES_OUT)
def test_an_image_of_valid_pixels_is_as_without_valid(name):
    logits, target = soft_pair()
    loss = resolved(name)
    torch.testing.assert_close(loss(logits, target, torch.ones_like(target)), loss(logits, target))


# ssim mirrors an image at its border, but not at invalid pixels.
@pytest.mark.parametrize("name", [name for name in LEAVES_OUT if name != "ssim"])
def test_leaving_out_a_side_is_as_if_the_image_ended_there(name):
    logits, target = soft_pair(size=24)
    valid = torch.ones_like(target)
    valid[..., 16:] = 0
    loss = resolved(name)
    torch.testing.assert_close(loss(logits, target, valid), loss(logits[..., :16], target[..., :16]))


@pytest.mark.parametrize("name", LEAVES_OUT)
def test_an_image_without_valid_pixels_has_no_gradient(name):
    logits, target = soft_pair()
    logits.requires_grad_()
    values = resolved(name)(logits, target, torch.zeros_like(target))
    values.sum().backward()
    assert values.isfinite().all()
    assert not logits.grad.any()


# --- every loss of several classes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MULTICLASS)
def test_the_true_classes_beat_every_other_prediction(name):
    target, loss = classes_of_discs(), resolved_for_classes(name)
    right = target * 20
    others = {"turned": right.roll(1, dims=1), "undecided": right * 0} | {
        f"all class {k}": torch.eye(3)[k].view(1, 3, 1, 1).expand_as(right) * 20 for k in range(3)
    }
    for answer, logits in others.items():
        assert (loss(right, target) < loss(logits, target) - 0.01).all(), answer


@pytest.mark.parametrize("name", MULTICLASS)
def test_descent_finds_the_classes(name):
    target = classes_of_discs()
    logits = descend(resolved_for_classes(name), torch.zeros_like(target), target, steps=60, step=0.2)
    assert torch.equal(logits.argmax(dim=1), target.argmax(dim=1))


@pytest.mark.parametrize("name", MULTICLASS)
def test_the_order_of_the_classes_does_not_matter(name):
    logits, target = torch.randn(2, 3, 24, 24, generator=torch.Generator().manual_seed(0)), classes_of_discs()
    order, loss = [2, 0, 1], resolved_for_classes(name)
    torch.testing.assert_close(loss(logits[:, order], target[:, order]), loss(logits, target))


@pytest.mark.parametrize("name", MULTICLASS)
def test_gradient_of_several_classes_agrees_with_finite_differences(name):
    logits = torch.randn(1, 3, 11, 11, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    target, loss = classes_of_discs()[:1, :, :11, :11].double(), resolved_for_classes(name)
    assert torch.autograd.gradcheck(lambda x: loss(x, target), logits.requires_grad_())


@pytest.mark.parametrize("name", MULTICLASS)
def test_extreme_logits_of_several_classes_stay_finite(name):
    target, loss = classes_of_discs(), resolved_for_classes(name)
    for logits in (target * 1e4, (1 - target) * 1e4, torch.zeros_like(target)):
        logits.requires_grad_()
        values = loss(logits, target)
        values.sum().backward()
        assert values.isfinite().all()
        assert logits.grad.isfinite().all()


def test_a_class_that_an_image_does_not_have_is_learned_to_be_absent():
    target = torch.zeros(1, 3, 8, 8)
    target[:, 0] = 1
    for name in ("iou", "log_iou", "tversky", "focal_tversky", "lovasz"):
        logits = torch.zeros_like(target).requires_grad_()
        values(name, logits, target).sum().backward()
        assert (logits.grad[:, 0].sum() < 0) and (logits.grad[:, 1].sum() > 0) and (logits.grad[:, 2].sum() > 0), name


# --- files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_its_conf_file_selects_it_with_valid_options(name):
    conf = yaml.safe_load((CONF / f"{name}.yaml").read_text(encoding="utf-8"))
    assert conf["loss"]["names"] == [name]
    assert conf["loss_options"][name] == losses.load(name).options, "conf shows every option at its default"


@pytest.mark.parametrize("name", NAMES)
def test_its_file_describes_it_in_one_paragraph(name):
    summary = LOSSES[name].summary
    assert len(summary) > 20
    assert summary.endswith(".")


def test_the_losses_of_segloss_are_one_study():
    config = composition.composed(["loss=segloss", "scale=smoke"])
    assert len(config.loss.names) == 17 and config.loss.combinations == ["dice_cross_entropy", *OF_SEGLOSS]
    for name in config.losses:
        losses.load(name, config.options_of(name)).check_fit("mask")
