"""Class weights of cross_entropy and focal."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from loss_study.losses import TargetStatistics
from loss_study.runtime.errors import StudyError
from support.loss_examples import (
    class_pair,
    configured,
    corner,
    values,
)

SHARES = TargetStatistics(1 / 3, (0.6, 0.3, 0.1))


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
    resolved = configured(name, class_weights="balanced").resolve(SHARES).options["class_weights"]
    assert resolved == pytest.approx([1 / 1.8, 1 / 0.9, 1 / 0.3])
    assert sum(weight * share for weight, share in zip(resolved, SHARES.class_shares, strict=True)) == pytest.approx(1)
    one = configured(name, class_weights="balanced").resolve(TargetStatistics(0.1, (0.9, 0.1))).options
    assert one["class_weights"] == pytest.approx([1 / 1.8, 5])
    assert configured(name).resolve(SHARES).options["class_weights"] == "none"


@pytest.mark.parametrize("name", ["cross_entropy", "focal"])
def test_class_weights_that_do_not_fit_are_refused(name):
    key = rf"loss_options\.{name}\.class_weights"
    with pytest.raises(StudyError, match=f"{key}: 2 weights for 3 classes"):
        values(name, *class_pair(), class_weights=[1.0, 2.0])
    with pytest.raises(StudyError, match=f"{key}: balanced is not resolved"):
        values(name, *class_pair(), class_weights="balanced")
    with pytest.raises(StudyError, match=rf"{key}: balanced needs training pixels of every class.*\[0.6, 0.4, 0.0\]"):
        configured(name, class_weights="balanced").resolve(TargetStatistics(1 / 3, (0.6, 0.4, 0.0)))
    for wrong in ("balancd", [0.0, 0.0], [1.0, -1.0], [1.0, math.inf], [True, 1.0], 3):
        with pytest.raises(StudyError, match=f"{key}: Input should be none, balanced, or a list"):
            configured(name, class_weights=wrong)
