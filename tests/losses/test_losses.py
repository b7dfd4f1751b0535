"""Every loss: general properties over all names, then values worked out by hand and by independent implementations."""

from __future__ import annotations

import inspect
import itertools
import math
from pathlib import Path

import pytest
import torch
import yaml
from torch.nn import functional as F

from loss_study import losses
from loss_study.config import HEADS
from loss_study.registry import load
from loss_study.runtime.errors import StudyError

NAMES = losses.names()
MODULES = {name: load("loss", losses.PACKAGE, name) for name in NAMES}
MASK = [name for name in NAMES if "mask" in getattr(MODULES[name], "HEADS", HEADS)]
DEPTH = [name for name in NAMES if "depth" in getattr(MODULES[name], "HEADS", HEADS)]
MULTICLASS = [name for name in NAMES if getattr(MODULES[name], "MULTICLASS", False)]
LEAVES_OUT = [name for name in NAMES if "valid" in inspect.signature(MODULES[name].loss).parameters]
CONF = Path(__file__).parents[2] / "conf" / "loss"
MASK_MEAN = 0.1


def of_mean(mean):
    return losses.TargetStatistics(mean, (1 - mean, mean))


def resolved(name, **options):
    return losses.build(name, **losses.resolve(name, options, statistics=of_mean(MASK_MEAN)))


def discs(size=24, radius=6, images=2):
    """One disc per image, each somewhere else, some of it near the border."""
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    centres = [(radius + 3 * image, size - radius - 2 * image) for image in range(images)]
    return torch.stack([((y - cy) ** 2 + (x - cx) ** 2 <= radius**2).float()[None] for cy, cx in centres])


def depths(size=24, images=2):
    """A smooth ramp with a step in it, strictly between 0 and 1."""
    ramp = torch.linspace(0.15, 0.6, size).expand(images, 1, size, size).clone()
    ramp[:, :, 6:14, 4:12] = 0.85
    return ramp


def random_pair(images=3, size=16, dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(images, 1, size, size, generator=generator, dtype=dtype) * 2
    target = torch.rand(images, 1, size, size, generator=generator, dtype=dtype)
    return logits, target


def descend(function, logits, target, steps, step):
    """Every pixel takes a step of the same length against the sign of its gradient."""
    for _ in range(steps):
        logits = logits.detach().requires_grad_()
        function(logits, target).sum().backward()
        logits = logits - step * logits.grad.sign()
    return logits.detach()


# --- every loss -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_one_float32_value_per_image(name):
    values = resolved(name)(*random_pair(images=3))
    assert values.shape == (3,)
    assert values.dtype == torch.float32


@pytest.mark.parametrize("name", MASK)
def test_the_true_mask_beats_every_other_answer(name):
    target, loss = discs(), resolved(name)
    truth = (target * 2 - 1) * 20
    others = {"inverted": -truth, "undecided": truth * 0, "all background": -truth.abs(), "all foreground": truth.abs()}
    for answer, logits in others.items():
        assert (loss(truth, target) < loss(logits, target) - 0.01).all(), answer


@pytest.mark.parametrize("name", MASK)
def test_descent_finds_the_mask(name):
    target = discs()
    logits = descend(resolved(name), torch.zeros_like(target), target, steps=40, step=0.2)
    assert torch.equal(logits > 0, target > 0.5)


@pytest.mark.parametrize("name", DEPTH)
def test_the_note_on_depth_says_whether_the_truth_is_the_minimum(name):
    target, loss = depths(), resolved(name)
    truth = torch.logit(target)
    gain = loss(truth, target) - loss(descend(loss, truth, target, steps=40, step=0.05), target)
    note = getattr(MODULES[name], "NOTES", {}).get("depth", "")
    if note.startswith("Not minimised by the truth"):
        assert (gain > 0.01).all()
    else:
        assert (gain < 1e-6).all()


@pytest.mark.parametrize("name", MASK)
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_empty_and_full_masks_are_taught(name, value):
    loss, target = resolved(name), torch.full((2, 1, 16, 16), value)
    towards = 1 if value else -1
    values = [loss(torch.full_like(target, towards * step), target) for step in (-3.0, -1.0, 0.0, 1.0, 3.0, 6.0)]
    for worse, better in itertools.pairwise(values):
        assert ((better < worse) | (worse == 0)).all(), "nothing is better than 0"
    logits = torch.zeros_like(target, requires_grad=True)
    loss(logits, target).sum().backward()
    pulled = (logits.grad * towards < 0).flatten(1)
    if value == 0 and "An empty mask pulls only the worst pixel" in getattr(MODULES[name], "NOTES", {}).get("mask", ""):
        assert (pulled.sum(dim=1) == 1).all() and (logits.grad >= 0).all()
    else:
        assert pulled.all(), "every pixel is pulled towards the truth"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("fill", [0.0, 1.0, "mask", "soft"])
def test_extreme_logits_stay_finite(name, fill):
    target = {"mask": discs(16), "soft": random_pair(2)[1]}.get(fill)
    target = torch.full((2, 1, 16, 16), fill) if target is None else target
    signs = torch.where(random_pair(2)[0] > 0, 1.0, -1.0)
    for logits in (signs * 1e4, torch.full_like(target, 1e4), torch.full_like(target, -1e4)):
        logits.requires_grad_()
        values = resolved(name)(logits, target)
        values.sum().backward()
        assert values.isfinite().all()
        assert logits.grad.isfinite().all()


# The gradient of berhu takes its threshold as given: tests/test_depth_losses.py.
@pytest.mark.parametrize("name", [name for name in NAMES if name != "berhu"])
def test_gradient_agrees_with_finite_differences(name):
    logits, target = random_pair(images=2, size=12, dtype=torch.float64)
    loss = resolved(name)
    assert loss(logits, target).dtype == torch.float64
    assert torch.autograd.gradcheck(lambda x: loss(x, target), logits.requires_grad_())


@pytest.mark.parametrize("name", NAMES)
def test_images_do_not_see_each_other(name):
    logits, target = random_pair(images=4)
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
    logits, target = random_pair()
    logits = logits.bfloat16()
    loss = resolved(name)
    plain = loss(logits.float(), target)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = loss(logits, target)
    assert cast.dtype == torch.float32
    assert torch.equal(cast, plain)


@pytest.mark.parametrize("name", NAMES)
def test_half_precision_does_not_overflow_on_large_pictures(name):
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
def test_pixels_without_a_truth_change_nothing_and_are_not_taught(name):
    logits, target = random_pair()
    valid = (random_pair(images=3)[1].flip(0) > 0.3).float()
    loss = resolved(name)
    values = loss(logits, target, valid)
    assert not torch.allclose(values, loss(logits, target))
    others = torch.where(valid > 0, logits, 7.0).requires_grad_()
    changed = loss(others, torch.where(valid > 0, target, 1 - target), valid)
    torch.testing.assert_close(changed, values)
    changed.sum().backward()
    assert not others.grad[valid == 0].any() and others.grad[valid > 0].any()


@pytest.mark.parametrize("name", LEAVES_OUT)
def test_an_image_in_which_every_pixel_has_a_truth_is_as_without_gaps(name):
    logits, target = random_pair()
    loss = resolved(name)
    torch.testing.assert_close(loss(logits, target, torch.ones_like(target)), loss(logits, target))


# ssim mirrors a picture at its border, which is not what it does at a gap.
@pytest.mark.parametrize("name", [name for name in LEAVES_OUT if name != "ssim"])
def test_leaving_out_a_side_is_as_if_the_picture_ended_there(name):
    logits, target = random_pair(size=24)
    valid = torch.ones_like(target)
    valid[..., 16:] = 0
    loss = resolved(name)
    torch.testing.assert_close(loss(logits, target, valid), loss(logits[..., :16], target[..., :16]))


@pytest.mark.parametrize("name", LEAVES_OUT)
def test_an_image_without_any_truth_teaches_nothing(name):
    logits, target = random_pair()
    logits.requires_grad_()
    values = resolved(name)(logits, target, torch.zeros_like(target))
    values.sum().backward()
    assert values.isfinite().all()
    assert not logits.grad.any()


# --- every loss of several classes ------------------------------------------------------------------------------------


def classes_of_discs(size=24):
    """Background, a disc and a smaller disc on it, one-hot (2, 3, H, W)."""
    outer, inner = discs(size, radius=7), discs(size, radius=4)
    return torch.cat([1 - torch.maximum(outer, inner), outer * (1 - inner), inner], dim=1)


def resolved_for_classes(name, classes=3):
    statistics = losses.TargetStatistics(1 / classes, (1 / classes,) * classes)
    return losses.build(name, **losses.resolve(name, {}, statistics=statistics))


@pytest.mark.parametrize("name", MULTICLASS)
def test_the_true_classes_beat_every_other_answer(name):
    target, loss = classes_of_discs(), resolved_for_classes(name)
    truth = target * 20
    others = {"turned": truth.roll(1, dims=1), "undecided": truth * 0} | {
        f"all class {k}": torch.eye(3)[k].view(1, 3, 1, 1).expand_as(truth) * 20 for k in range(3)
    }
    for answer, logits in others.items():
        assert (loss(truth, target) < loss(logits, target) - 0.01).all(), answer


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


@pytest.mark.parametrize("name", NAMES)
def test_its_conf_file_selects_it_with_valid_options(name):
    conf = yaml.safe_load((CONF / f"{name}.yaml").read_text(encoding="utf-8"))
    assert conf["loss"]["names"] == [name]
    assert conf["loss_options"][name] == losses.check(name, {}), "conf shows every option at its default"


@pytest.mark.parametrize("name", NAMES)
def test_its_file_describes_it_in_one_paragraph(name):
    first = (load("loss", losses.PACKAGE, name).__doc__ or "").partition("\n\n")[0]
    assert len(first) > 20
    assert first.endswith(".")


# --- options and names ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("dise", {}, "unknown loss 'dise': did you mean 'dice'"),
        ("dice", {"smoth": 1}, "loss_options.dice.smoth: no such key; did you mean 'smooth'"),
        ("dice", {"smooth": -1}, "loss_options.dice.smooth: .*greater than or equal to 0"),
        ("huber", {"delta": 0}, "loss_options.huber.delta: .*greater than 0"),
        ("huber", {"delta": math.nan}, "loss_options.huber.delta: .*finite"),
        ("rmse", {"eps": 0}, "loss_options.rmse.eps: .*greater than 0"),
        ("ssim", {"window": 10}, "loss_options.ssim.window: .*odd"),
        ("ssim", {"window": 1}, "loss_options.ssim.window: .*greater than or equal to 3"),
        ("ssim", {"sigma": 0}, "loss_options.ssim.sigma: .*greater than 0"),
        ("weighted_bce", {"pos_weight": 0}, r"loss_options.weighted_bce.pos_weight: .*above 0, or auto; got 0"),
        ("weighted_bce", {"pos_weight": True}, r"loss_options.weighted_bce.pos_weight: .*above 0, or auto; got True"),
        ("weighted_bce", {"pos_weight": math.inf}, r"loss_options.weighted_bce.pos_weight: .*above 0, or auto"),
        ("weighted_bce", {"pos_weight": "atuo"}, r"loss_options.weighted_bce.pos_weight: .*above 0, or auto"),
    ],
)
def test_bad_options_name_their_key(name, options, message):
    with pytest.raises(StudyError, match=message):
        losses.build(name, **options)


# --- single losses ----------------------------------------------------------------------------------------------------


def test_bce_values():
    target = torch.tensor([0.0, 1.0, 0.5, 0.25]).view(4, 1, 1, 1)
    torch.testing.assert_close(losses.build("bce")(torch.zeros(4, 1, 1, 1), target), torch.full((4,), math.log(2)))
    logits, soft = random_pair()
    expected = F.binary_cross_entropy(torch.sigmoid(logits), soft, reduction="none").flatten(1).mean(1)
    torch.testing.assert_close(losses.build("bce")(logits, soft), expected)


def test_bce_is_exact_where_the_sigmoid_saturates():
    logits = torch.tensor([1e4, 1e4, -1e4, -1e4, 1e4]).view(5, 1, 1, 1)
    target = torch.tensor([1.0, 0.0, 0.0, 1.0, 0.5]).view(5, 1, 1, 1)
    assert losses.build("bce")(logits, target).tolist() == [0.0, 1e4, 0.0, 1e4, 5e3]


def test_weighted_bce_values():
    target = torch.tensor([1.0, 0.0, 0.0, 0.0]).view(1, 1, 2, 2)
    value = losses.build("weighted_bce", pos_weight=5)(torch.zeros(1, 1, 2, 2), target)
    torch.testing.assert_close(value, torch.tensor([math.log(2) * (5 + 3) / 4]))
    logits, soft = random_pair()
    p = torch.sigmoid(logits)
    by_definition = -(5 * soft * p.log() + (1 - soft) * (1 - p).log()).mean(dim=(1, 2, 3))
    torch.testing.assert_close(losses.build("weighted_bce", pos_weight=5.0)(logits, soft), by_definition)
    torch.testing.assert_close(
        losses.build("weighted_bce", pos_weight=1)(logits, soft), losses.build("bce")(logits, soft)
    )


def test_weighted_bce_answers_a_depth_of_a_tenth_with_a_half():
    logits = torch.zeros(1, 1, 4, 4, requires_grad=True)
    losses.build("weighted_bce", pos_weight=9.0)(logits, torch.full((1, 1, 4, 4), 0.1)).backward()
    assert logits.grad.abs().max() < 1e-8


def test_auto_weight_balances_the_classes():
    assert losses.resolve("weighted_bce", {}, statistics=of_mean(0.1)) == {"pos_weight": pytest.approx(9.0)}
    assert losses.resolve("weighted_bce", {"pos_weight": 3.0}, statistics=of_mean(0.1)) == {"pos_weight": 3.0}
    assert losses.resolve("dice", {}, statistics=of_mean(0.0)) == {"smooth": 1.0}
    for mean in (0.0, 1.0, math.nan):
        with pytest.raises(StudyError, match=r"loss_options\.weighted_bce\.pos_weight: auto needs"):
            losses.resolve("weighted_bce", {}, statistics=of_mean(mean))


def test_an_unresolved_auto_weight_is_named():
    with pytest.raises(StudyError, match=r"loss_options\.weighted_bce\.pos_weight: auto is not resolved"):
        losses.build("weighted_bce")(*random_pair())


def test_l1_values():
    target = torch.tensor([0.0, 1.0, 0.5, 0.2]).view(1, 1, 2, 2)
    torch.testing.assert_close(
        losses.build("l1")(torch.zeros(1, 1, 2, 2), target), torch.tensor([(0.5 + 0.5 + 0.3) / 4])
    )
    logits, soft = random_pair()
    expected = F.l1_loss(torch.sigmoid(logits), soft, reduction="none").flatten(1).mean(1)
    torch.testing.assert_close(losses.build("l1")(logits, soft), expected)


def test_l1_without_a_sigmoid():
    """By hand: |-1 - 0|, |0.25 - 1|, |3 - 1|, |0.5 - 0.5|."""
    raw = torch.tensor([-1.0, 0.25, 3.0, 0.5]).view(1, 1, 2, 2)
    target = torch.tensor([0.0, 1.0, 1.0, 0.5]).view(1, 1, 2, 2)
    torch.testing.assert_close(losses.build("l1", sigmoid=False)(raw, target), torch.tensor([(1 + 0.75 + 2) / 4]))
    assert losses.output("l1", sigmoid=False).predict(raw).flatten().tolist() == [0, 0.25, 1, 0.5]


@pytest.mark.parametrize(("name", "options"), [("l1", {}), ("dice", {}), ("l1", {"sigmoid": False})])
def test_an_output_that_gives_a_prediction_gives_it(name, options):
    prediction = torch.linspace(0.01, 0.99, 50).view(1, 1, 5, 10)
    output = losses.output(name, **options)
    torch.testing.assert_close(output.predict(output.invert(prediction)), prediction)


def test_huber_values():
    # Errors of 0.5 and 0.05 with delta 0.1: 0.1 (0.5 - 0.05) and 0.05^2 / 2.
    target = torch.tensor([0.0, 0.45]).view(1, 1, 1, 2)
    value = losses.build("huber", delta=0.1)(torch.zeros(1, 1, 1, 2), target)
    torch.testing.assert_close(value, torch.tensor([(0.045 + 0.00125) / 2]))
    logits, soft = random_pair()
    half_squared = (torch.sigmoid(logits) - soft).square().mean(dim=(1, 2, 3)) / 2
    torch.testing.assert_close(losses.build("huber", delta=1.0)(logits, soft), half_squared)
    # For a vanishing delta it is delta times L1.
    torch.testing.assert_close(losses.build("huber", delta=1e-6)(logits, soft) / 1e-6, losses.build("l1")(logits, soft))


def test_rmse_values_are_per_image():
    target = torch.tensor([[0.5, 0.5, 0.5, 0.5], [0.0, 1.0, 0.0, 1.0], [0.5, 0.5, 0.5, 0.1]]).view(3, 1, 2, 2)
    values = losses.build("rmse")(torch.zeros(3, 1, 2, 2), target)
    torch.testing.assert_close(values, torch.tensor([1e-3, math.sqrt(0.25 + 1e-6), math.sqrt(0.04 + 1e-6)]))


def test_rmse_has_a_finite_gradient_at_zero_error():
    logits = torch.zeros(1, 1, 4, 4, requires_grad=True)
    losses.build("rmse")(logits, torch.full((1, 1, 4, 4), 0.5)).backward()
    assert torch.equal(logits.grad, torch.zeros(1, 1, 4, 4))


def test_dice_values():
    # p = 0.5 on four pixels, one of them foreground: I = 0.5, sum p = 2, sum t = 1.
    target = torch.tensor([1.0, 0.0, 0.0, 0.0]).view(1, 1, 2, 2)
    logits = torch.zeros(1, 1, 2, 2)
    torch.testing.assert_close(losses.build("dice", smooth=1)(logits, target), torch.tensor([1 - 2 / 4]))
    torch.testing.assert_close(losses.build("dice", smooth=0)(logits, target), torch.tensor([1 - 1 / (3 + 1e-6)]))
    # An empty target and sum p = 2: 1 - 1 / 3.
    torch.testing.assert_close(losses.build("dice", smooth=1)(logits, target * 0), torch.tensor([2 / 3]))


def test_dice_is_zero_only_for_the_right_answer():
    target = torch.stack([discs(images=1)[0], torch.zeros(1, 24, 24)])
    right = (target * 2 - 1) * 1e4
    assert losses.build("dice")(right, target).tolist() == [0.0, 0.0]
    assert (losses.build("dice")(-right, target) > 0.99).all()


@pytest.mark.parametrize("smooth", [0.0, 1.0, 10.0])
def test_dice_agrees_with_segmentation_models_pytorch(smooth):
    from segmentation_models_pytorch.losses import DiceLoss

    # Theirs is a Tversky loss of a half and a half, whose smoothing counts double; for soft targets it is another loss.
    reference = DiceLoss(mode="binary", from_logits=True, smooth=smooth / 2, eps=1e-6)
    (logits, _), target = random_pair(images=3, size=24), discs(images=3)
    expected = torch.stack([reference(x[None], t[None]) for x, t in zip(logits, target, strict=True)])
    torch.testing.assert_close(losses.build("dice", smooth=smooth)(logits, target), expected)


def test_dice_answers_depth_with_a_black_and_white_picture():
    target = torch.tensor([0.1, 0.2, 0.3, 0.6, 0.8, 0.9]).view(1, 1, 2, 3)
    loss = losses.build("dice", smooth=0)
    corners = torch.tensor(list(itertools.product([0.0, 1.0], repeat=6))).view(-1, 1, 2, 3)
    values = loss((corners * 2 - 1) * 1e4, target.expand_as(corners))
    best = values.argmin()
    overlap = 1 - values[best]
    assert torch.equal(corners[best][None], (target > overlap / 2).float())
    inside = torch.randn(2000, 1, 2, 3, generator=torch.Generator().manual_seed(0)) * 4
    assert (loss(inside, target.expand_as(inside)) >= values[best]).all()
    assert loss(torch.logit(target), target) > values[best] + 0.1


@pytest.mark.parametrize(("window", "sigma"), [(11, 1.5), (9, 1.0)])
def test_ssim_agrees_with_torchmetrics(window, sigma):
    from torchmetrics.functional.image import structural_similarity_index_measure

    logits, target = random_pair(images=3, size=24)
    # torchmetrics derives the side of the window from sigma.
    similarity = structural_similarity_index_measure(
        torch.sigmoid(logits), target, data_range=1.0, sigma=sigma, reduction="none"
    )
    values = losses.build("ssim", window=window, sigma=sigma)(logits, target)
    torch.testing.assert_close(values, 1 - similarity, atol=1e-5, rtol=0)


def test_ssim_values():
    # Two flat pictures, 0.5 and t: no structure, only the luminance term.
    target = torch.tensor([0.5, 0.0, 1.0]).view(3, 1, 1, 1).expand(3, 1, 16, 16)
    c1 = 0.01**2
    expected = [0.0, 1 - c1 / (0.25 + c1), 1 - (1 + c1) / (1.25 + c1)]
    torch.testing.assert_close(losses.build("ssim")(torch.zeros(3, 1, 16, 16), target), torch.tensor(expected))


def test_ssim_window_larger_than_the_picture_is_named():
    with pytest.raises(StudyError, match=r"loss_options\.ssim\.window: 17 px do not fit into a picture of 16 x 16"):
        losses.build("ssim", window=17)(*random_pair(size=16))
    losses.build("ssim", window=15)(*random_pair(size=16))
