"""Collapsed predictions are named."""

from __future__ import annotations

import pytest
import torch

from loss_study.metrics.verdict import collapse
from support.predictions import blobs, mixtures, ramps

NAMES = ["pet", "background", "border"]


def test_collapsed_masks_are_named():
    target = blobs()["target"]
    assert collapse("mask", prediction=target, target=target) == ""
    assert collapse("mask", prediction=target * 0.4, target=target) == "all background"
    assert collapse("mask", prediction=1 - target * 0.4, target=target) == "all foreground"
    # One pixel found is no recovery; a tenth of the foreground found is bad, but not collapsed.
    speck = torch.zeros_like(target)
    speck[0, 0, 0, 0] = 1
    assert collapse("mask", prediction=speck, target=target) == "all background"
    tenth = target.clone().flatten()
    tenth[tenth.nonzero().flatten()[::10]] = 0
    assert collapse("mask", prediction=target - tenth.view_as(target), target=target) == ""
    # Where the target itself is empty or full, so may the prediction be.
    for same in (torch.zeros_like(target), torch.ones_like(target)):
        assert collapse("mask", prediction=same, target=same) == ""


def test_constant_depth_is_named():
    pair = ramps()
    flat = torch.full_like(pair["target"], 0.4)
    assert collapse("depth", **pair) == ""
    assert collapse("depth", prediction=flat, target=pair["target"]) == "constant depth"
    nearly = flat + 0.01 * (pair["prediction"] - 0.5)
    assert collapse("depth", prediction=nearly, target=pair["target"]) == "constant depth"
    assert collapse("depth", prediction=flat, target=torch.full_like(flat, 0.2)) == ""
    # One depth per image, but not the same for all, is poor and yet no constant.
    per_image = torch.linspace(0, 1, 5).view(5, 1, 1, 1).expand_as(flat)
    assert collapse("depth", prediction=per_image, target=pair["target"]) == ""


def test_a_collapse_to_one_class_is_named():
    target = mixtures()["target"]
    assert collapse("mask", prediction=target, target=target, class_names=NAMES) == ""
    for k, name in enumerate(NAMES):
        constant = torch.zeros_like(target)
        constant[:, k] = 1
        assert collapse("mask", prediction=constant, target=target, class_names=NAMES) == f"all {name}"
        assert collapse("mask", prediction=constant, target=constant, class_names=NAMES) == ""


def test_a_depth_that_is_no_better_than_a_constant_is_named():
    """It varies, so it has not collapsed, and yet the mean depth of the training split is nearer to the target."""
    target = ramps()["target"]
    mirrored = {"prediction": 1 - target, "target": target}
    mean = float(target.mean())
    assert collapse("depth", **mirrored) == ""
    assert collapse("depth", **mirrored, constant=mean) == "no better than a constant depth"
    assert collapse("depth", **ramps(), constant=mean) == ""
    # A bad constant is beaten by what a good one is not; the constant itself is a collapse.
    nearly = 0.9 * mean + 0.1 * (1 - target)
    assert collapse("depth", prediction=nearly, target=target, constant=0) == ""
    flat = torch.full_like(target, mean)
    assert collapse("depth", prediction=flat, target=target, constant=mean) == "constant depth"
    assert collapse("depth", prediction=target, target=flat.mul(255).round() / 255, constant=0.9) == ""


def test_the_constant_is_compared_at_valid_pixels_only():
    target = ramps()["target"]
    valid = torch.ones_like(target)
    valid[..., 12:] = 0
    pair = {"prediction": torch.where(valid > 0, target, 1 - target), "target": target}
    assert collapse("depth", **pair, valid=valid, constant=0.5) == ""
    worse = {**pair, "prediction": torch.where(valid > 0, 1 - target, target)}
    assert collapse("depth", **worse, valid=valid, constant=0.5) == "no better than a constant depth"


def test_a_mask_collapses_at_the_threshold_that_it_is_judged_at():
    target = blobs()["target"]
    assert collapse("mask", prediction=target * 0.4, target=target, threshold=0.2) == ""
    assert collapse("mask", prediction=target * 0.4, target=target, threshold=0.45) == "all background"
    assert collapse("mask", prediction=0.3 + target * 0.4, target=target, threshold=0.2) == "all foreground"


@pytest.mark.parametrize(("found", "verdict"), [(0, "all background"), (1, ""), (2, "")])
def test_one_in_a_hundred_of_the_foreground_is_no_collapse(found, verdict):
    """100 of 400 pixels are foreground."""
    target = torch.zeros(1, 1, 20, 20)
    target[..., :5] = 1
    prediction = torch.zeros_like(target).flatten()
    prediction[target.flatten().nonzero().flatten()[:found]] = 1
    assert collapse("mask", prediction=prediction.view_as(target), target=target) == verdict


@pytest.mark.parametrize(("share", "verdict"), [(0.0499, "constant depth"), (0.0501, "")])
def test_depth_is_constant_below_a_twentieth_of_the_targets_spread(share, verdict):
    target = (torch.arange(256) / 255).view(1, 1, 16, 16)
    assert collapse("depth", prediction=0.5 + share * (target - 0.5), target=target) == verdict


def test_a_depth_as_good_as_a_constant_is_no_better_than_one():
    """By hand: off by 1/4 at every pixel, as the constant is."""
    target = torch.tensor([0.25, 0.75, 0.25, 0.75]).view(1, 1, 2, 2) * 254 / 255 + 1 / 510
    target = (target * 255).round() / 255
    middle = float(target.mean())
    apart = float(target.max() - middle)
    worse = target + torch.tensor([apart, apart, -apart, -apart]).view(1, 1, 2, 2)
    assert collapse("depth", prediction=worse, target=target, constant=middle) == "no better than a constant depth"
    better = target + 0.99 * (worse - target)
    assert collapse("depth", prediction=better, target=target, constant=middle) == ""
