"""The loss `weighted_bce`: values worked out by hand, identities, and the same loss of other libraries."""

from __future__ import annotations

import math

import pytest
import torch

from loss_study.runtime.errors import StudyError
from support.loss_examples import (
    configured,
    of_mean,
    soft_pair,
)


def test_weighted_bce_values():
    target = torch.tensor([1.0, 0.0, 0.0, 0.0]).view(1, 1, 2, 2)
    value = configured("weighted_bce", pos_weight=5)(torch.zeros(1, 1, 2, 2), target)
    torch.testing.assert_close(value, torch.tensor([math.log(2) * (5 + 3) / 4]))
    logits, soft = soft_pair()
    p = torch.sigmoid(logits)
    by_definition = -(5 * soft * p.log() + (1 - soft) * (1 - p).log()).mean(dim=(1, 2, 3))
    torch.testing.assert_close(configured("weighted_bce", pos_weight=5.0)(logits, soft), by_definition)
    torch.testing.assert_close(configured("weighted_bce", pos_weight=1)(logits, soft), configured("bce")(logits, soft))


def test_weighted_bce_predicts_a_half_for_a_depth_of_a_tenth():
    logits = torch.zeros(1, 1, 4, 4, requires_grad=True)
    configured("weighted_bce", pos_weight=9.0)(logits, torch.full((1, 1, 4, 4), 0.1)).backward()
    assert logits.grad.abs().max() < 1e-8


def test_auto_weight_balances_the_classes():
    assert configured("weighted_bce").resolve(of_mean(0.1)).options == {"pos_weight": pytest.approx(9.0)}
    assert configured("weighted_bce", pos_weight=3.0).resolve(of_mean(0.1)).options == {"pos_weight": 3.0}
    assert configured("dice").resolve(of_mean(0.0)).options == {"smooth": 1.0}
    for mean in (0.0, 1.0, math.nan):
        with pytest.raises(StudyError, match=r"loss_options\.weighted_bce\.pos_weight: auto needs"):
            configured("weighted_bce").resolve(of_mean(mean))


def test_an_unresolved_auto_weight_is_named():
    with pytest.raises(StudyError, match=r"loss_options\.weighted_bce\.pos_weight: auto is not resolved"):
        configured("weighted_bce")(*soft_pair())
