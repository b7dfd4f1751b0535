"""Losses by import path: how each is called is found by trying, and it gives one value per image."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from loss_study import losses
from loss_study.losses import TargetStatistics
from loss_study.losses.shared.imported import images_to_try
from loss_study.runtime.errors import StudyError
from support.loss_examples import class_pair, mask_pair, of_mean, values

THEIRS = "support.their_things."
TVERSKY = {"alpha": 0.3, "beta": 0.7}


def load(name, **options):
    return losses.load("mine", {"_target_": name if "." in name else THEIRS + name, **options})


def convention(loss, classes=1):
    options = loss.resolve(TargetStatistics(0.1, (0.9, 0.1), classes)).options
    return [options[key] for key in ("_prediction_", "_ground_truth_", "_values_")]


def brier(logits, target):
    return (torch.sigmoid(logits) - target).square().mean(dim=(1, 2, 3))


@pytest.mark.parametrize(("name", "how"), [("Squared", "images"), ("squared", "own"), ("valid_squared", "own")])
def test_a_module_and_a_function_are_losses(name, how):
    logits, target = mask_pair()
    loss = load(name)
    assert convention(loss) == ["logits", "shares", how]
    torch.testing.assert_close(loss(logits, target), brier(logits, target))
    assert loss.name == "mine" and loss.takes_valid == (name == "valid_squared")


def test_its_arguments_are_the_other_options():
    logits, target = mask_pair()
    for name in ("Squared", "squared"):
        torch.testing.assert_close(load(name, weight=3.0)(logits, target), 3 * brier(logits, target))
    loss = load("OnNumbers", weight={"_target_": "torch.tensor", "data": [1.0, 1.0, 5.0]})
    logits, target = class_pair()
    numbers, weight = target.argmax(dim=1), torch.tensor([1.0, 1.0, 5.0])
    expected = [F.cross_entropy(z[None], t[None], weight) for z, t in zip(logits, numbers, strict=True)]
    torch.testing.assert_close(loss(logits, target), torch.stack(expected))
    assert "OnNumbers(weight=" in loss.summary


def test_values_of_pixels_are_averaged():
    logits, target = mask_pair()
    loss = load("PerPixel")
    assert convention(loss) == ["logits", "shares", "own"]
    torch.testing.assert_close(loss(logits, target), values("bce", logits, target))


def test_a_mean_is_taken_image_by_image_or_of_the_batch_if_asked():
    logits, target = mask_pair()
    assert convention(load("BatchDice")) == ["logits", "shares", "images"]
    torch.testing.assert_close(load("BatchDice")(logits, target), values("dice", logits, target))
    of_batch = load("BatchDice", _values_="batch")(logits, target)
    expected = values("dice", logits.reshape(1, 1, 16, -1), target.reshape(1, 1, 16, -1))
    torch.testing.assert_close(of_batch, expected.expand(3))


def test_reduction_none_saves_the_calls():
    loss = load("torch.nn.BCEWithLogitsLoss")
    assert convention(loss) == ["logits", "shares", "none"]
    torch.testing.assert_close(loss(*mask_pair()), values("bce", *mask_pair()))


def test_a_loss_of_probabilities_is_given_those():
    logits, target = mask_pair()
    for name in ("OnProbabilities", "torch.nn.L1Loss"):
        assert convention(load(name))[:2] == ["probability", "shares"]
        torch.testing.assert_close(load(name)(logits, target), values("l1", logits, target))
    said = load("OnProbabilities", _prediction_="probability", _ground_truth_="shares", _values_="images")
    torch.testing.assert_close(said(logits, target), values("l1", logits, target))


def test_a_loss_of_classes_is_given_two_for_a_mask_of_one():
    logits, target = mask_pair()
    assert convention(load("OnNumbers")) == ["two_logits", "numbers", "images"]
    torch.testing.assert_close(load("OnNumbers")(logits, target), values("bce", logits, target))
    logits, target = class_pair()
    assert convention(load("OnNumbers"), classes=3)[:2] == ["logits", "numbers"]
    torch.testing.assert_close(load("OnNumbers")(logits, target), values("cross_entropy", logits, target))


@pytest.mark.parametrize(
    ("name", "arguments", "ours"),
    [
        ("segmentation_models_pytorch.losses.TverskyLoss", TVERSKY | {"mode": "binary", "smooth": 1.0}, "tversky"),
        ("monai.losses.DiceLoss", {"sigmoid": True, "smooth_nr": 1.0, "smooth_dr": 1.0}, "dice"),
        ("kornia.losses.TverskyLoss", TVERSKY, None),
    ],
)
def test_losses_of_libraries(name, arguments, ours):
    found = load(name, **arguments)(*mask_pair())
    assert found.shape == (3,) and found.isfinite().all()
    if ours:
        torch.testing.assert_close(found, values(ours, *mask_pair()))


def test_what_was_found_stands_in_the_options_and_is_not_looked_for_again(monkeypatch):
    resolved = load("OnNumbers").resolve(of_mean(0.1))
    monkeypatch.setattr("loss_study.losses.shared.imported.images_to_try", None)
    again = losses.load("mine", dict(resolved.options))
    torch.testing.assert_close(again(*mask_pair()), values("bce", *mask_pair()))


def test_valid_pixels_are_handed_on():
    logits, target = mask_pair()
    valid = torch.ones_like(target)
    valid[..., 8:] = 0
    expected = brier(logits[..., :8], target[..., :8])
    torch.testing.assert_close(load("valid_squared")(logits, target, valid), expected)
    for how in ("images", "own"):
        torch.testing.assert_close(load("valid_squared", _values_=how)(logits, target, valid), expected)
    with pytest.raises(StudyError, match="mine cannot leave out the invalid pixels"):
        load("Squared").check_fit("mask", invalid=True)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("no_such_package.MyLoss", {}, r"_target_: no_such_package.MyLoss: cannot import no_such_package .*install it"),
        ("Squarred", {}, r"_target_: support.their_things has no 'Squarred': did you mean 'Squared'"),
        ("torch", {}, r"_target_: support.their_things.torch is a module, not a class or a function"),
        ("NeedsArgument", {}, r"loss_options.mine: support.their_things.NeedsArgument\(\): TypeError: .*'alpha'"),
        ("Squared", {"wieght": 2}, r"their_things.Squared\(wieght=2\): TypeError: .*'wieght'"),
        ("Squared", {"_predicton_": "logits"}, r"_predicton_: no such key; did you mean '_prediction_'"),
        ("Squared", {"_values_": "batches"}, r"loss_options.mine._values_: did you mean 'batch'"),
        ("Crashes", {}, r"their_things.Crashes cannot be trained with: with logits and shares 'no such thing'"),
        ("Similarity", {}, r"Similarity cannot be trained with: .* the ground truth has the value .* its opposite"),
        ("Flat", {}, r"Flat cannot be trained with: .*the gradient is 0 everywhere"),
        ("Detached", {}, r"Detached cannot be trained with: .*no gradient reaches the prediction"),
        ("NotFinite", {}, r"NotFinite cannot be trained with: .*not finite"),
        ("BatchDice", {"_values_": "own"}, r"BatchDice returns .*\(\).* set loss_options.mine._values_=images"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_loss(name, options, message):
    with pytest.raises(StudyError, match=message) as error:
        load(name, **options)(*mask_pair())
    assert "\n" not in str(error.value)


def test_the_images_that_losses_are_tried_on_have_every_class():
    for classes in (2, 3, 5):
        tried = images_to_try(classes)
        assert tried.shape[1] == classes and tried.sum(dim=(2, 3)).gt(0).all() and tried.sum(dim=1).eq(1).all()
