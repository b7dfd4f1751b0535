"""What a loss is: names, options, fit, output; and what a newcomer writes on the first evening."""

from __future__ import annotations

import math

import pytest
import torch

from loss_study import losses
from loss_study.choices import registry
from loss_study.losses import PROBABILITY, Loss, TargetStatistics
from loss_study.runtime.errors import StudyError
from support.loss_examples import configured, of_mean, soft_pair


def squared(logits, target, *, weight: float = 1.0):
    return weight * (torch.sigmoid(logits) - target).square().mean(dim=(1, 2, 3))


def test_a_function_is_enough():
    loss, (logits, target) = Loss(squared), soft_pair()
    assert loss.heads == ("mask", "depth") and not loss.multiclass and not loss.takes_valid and loss.notes == {}
    torch.testing.assert_close(loss(logits, target), squared(logits, target))
    torch.testing.assert_close(loss.with_options({"weight": 3.0})(logits, target), 3 * squared(logits, target))
    assert loss.resolve(of_mean(0.5)) is loss and loss.output == PROBABILITY
    loss.check_fit("depth")


def test_shared_modules_are_no_losses():
    assert not set(losses.SHARED) & set(losses.names())
    assert {"dice", "bce"} <= set(losses.names())
    package = losses.shared.base.PACKAGE
    assert all(isinstance(registry.load("loss", package, name).LOSS, Loss) for name in losses.names())


def test_a_file_without_a_loss_is_named(monkeypatch):
    monkeypatch.delattr("loss_study.losses.dice.LOSS")
    with pytest.raises(StudyError, match=r"losses/dice.py: declares no loss; end it with LOSS = Loss\(<function>\)"):
        losses.load("dice")


def test_name_and_summary_come_from_the_file():
    loss = losses.load("dice")
    assert loss.name == "dice" and loss.options == {"smooth": 1.0}
    assert loss.summary.startswith("One minus the overlap of prediction and target (soft Dice)")


def test_a_loss_that_does_not_fit_is_refused():
    with pytest.raises(StudyError, match=r"loss.names: silog makes no sense on the mask head; .*loss.heads=\[depth\]"):
        losses.load("silog").check_fit("mask")
    with pytest.raises(StudyError, match=r"loss.names: bce takes a mask of one class, dataset.classes is 3; .*dice"):
        losses.load("bce").check_fit("mask", classes=3)
    losses.load("bce").check_fit("depth", classes=3)
    losses.load("dice").check_fit("mask", classes=3, invalid=True)
    with pytest.raises(StudyError, match=r"cannot leave out the invalid pixels of the depth; choose from .*dice"):
        Loss(squared, name="squared").check_fit("depth", invalid=True)
    with pytest.raises(ValueError, match="squared: cannot leave out invalid pixels"):
        Loss(squared, name="squared")(*soft_pair(), torch.ones(3, 1, 16, 16))


def test_statistics_of_a_sample():
    one = TargetStatistics.of({"mask_mean": 0.2, "depth_mean": 0.6}, "mask", 1)
    assert one == TargetStatistics(0.2, (0.8, 0.2))
    three = TargetStatistics.of({"class_shares": [0.5, 0.3, 0.2]}, "mask", 3)
    assert three == TargetStatistics(1 / 3, (0.5, 0.3, 0.2), 3)
    assert TargetStatistics.of({"depth_mean": 0.6, "class_shares": [1]}, "depth", 3).mean == 0.6


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
        configured(name, **options)


@pytest.mark.parametrize(("name", "options"), [("l1", {}), ("dice", {}), ("l1", {"sigmoid": False})])
def test_an_output_that_gives_a_prediction_gives_it(name, options):
    prediction = torch.linspace(0.01, 0.99, 50).view(1, 1, 5, 10)
    output = configured(name, **options).output
    torch.testing.assert_close(output.predict(output.invert(prediction)), prediction)
