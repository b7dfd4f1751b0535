"""Collapsed predictions are named."""

from __future__ import annotations

import torch

from loss_study import metrics
from support.predictions import blobs, mixtures, ramps

NAMES = ["pet", "background", "border"]


def test_collapsed_masks_are_named():
    target = blobs()["target"]
    assert metrics.collapse("mask", prediction=target, target=target) == ""
    assert metrics.collapse("mask", prediction=target * 0.4, target=target) == "all background"
    assert metrics.collapse("mask", prediction=1 - target * 0.4, target=target) == "all foreground"
    # One pixel found is no recovery; a tenth of the foreground found is bad, but not collapsed.
    speck = torch.zeros_like(target)
    speck[0, 0, 0, 0] = 1
    assert metrics.collapse("mask", prediction=speck, target=target) == "all background"
    tenth = target.clone().flatten()
    tenth[tenth.nonzero().flatten()[::10]] = 0
    assert metrics.collapse("mask", prediction=target - tenth.view_as(target), target=target) == ""
    # Where the target itself is empty or full, so may the prediction be.
    for same in (torch.zeros_like(target), torch.ones_like(target)):
        assert metrics.collapse("mask", prediction=same, target=same) == ""


def test_constant_depth_is_named():
    pair = ramps()
    flat = torch.full_like(pair["target"], 0.4)
    assert metrics.collapse("depth", **pair) == ""
    assert metrics.collapse("depth", prediction=flat, target=pair["target"]) == "constant depth"
    nearly = flat + 0.01 * (pair["prediction"] - 0.5)
    assert metrics.collapse("depth", prediction=nearly, target=pair["target"]) == "constant depth"
    assert metrics.collapse("depth", prediction=flat, target=torch.full_like(flat, 0.2)) == ""
    # One depth per image, but not the same for all, is poor and yet no constant.
    per_image = torch.linspace(0, 1, 5).view(5, 1, 1, 1).expand_as(flat)
    assert metrics.collapse("depth", prediction=per_image, target=pair["target"]) == ""


def test_a_collapse_to_one_class_is_named():
    target = mixtures()["target"]
    assert metrics.collapse("mask", prediction=target, target=target, class_names=NAMES) == ""
    for k, name in enumerate(NAMES):
        constant = torch.zeros_like(target)
        constant[:, k] = 1
        assert metrics.collapse("mask", prediction=constant, target=target, class_names=NAMES) == f"all {name}"
        assert metrics.collapse("mask", prediction=constant, target=constant, class_names=NAMES) == ""
