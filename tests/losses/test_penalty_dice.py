"""The loss `penalty_dice`: what it makes of `generalised_dice`."""

from __future__ import annotations

import pytest
import torch

from support.loss_examples import class_pair, mask_pair, values


@pytest.mark.parametrize("pair", [mask_pair, class_pair])
def test_without_penalty_it_is_generalised_dice(pair):
    torch.testing.assert_close(values("penalty_dice", *pair(), penalty=0.0), values("generalised_dice", *pair()))


def test_values():
    error = values("generalised_dice", *mask_pair())
    torch.testing.assert_close(values("penalty_dice", *mask_pair()), error / (1 + 2.5 * (1 - error)))
