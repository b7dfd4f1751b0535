"""The loss `gradient`: values worked out by hand, identities, and the same loss of other libraries."""

from __future__ import annotations

import pytest
import torch

from loss_study.runtime.errors import StudyError
from support.loss_examples import (
    depth_pair,
    values_of,
)


def test_gradient_values_of():
    # Errors 0.1, 0.3 above 0, 0.2: to the right 0.2 and 0.2, downwards 0.1 and 0.1.
    prediction = 0.5 + torch.tensor([[0.1, 0.3], [0.0, 0.2]]).view(1, 1, 2, 2)
    found = values_of("gradient", prediction, torch.full_like(prediction, 0.5), scales=1)
    torch.testing.assert_close(found, torch.tensor([0.3]))


def test_gradient_at_every_second_pixel():
    prediction, target = depth_pair()
    second = values_of("gradient", prediction[..., ::2, ::2], target[..., ::2, ::2], scales=1)
    both = values_of("gradient", prediction, target, scales=1) + second
    torch.testing.assert_close(values_of("gradient", prediction, target, scales=2), both)


def test_gradient_does_not_see_a_shift_but_a_scale():
    target = 0.1 + 0.5 * depth_pair()[1]
    assert values_of("gradient", target + 0.2, target).abs().max() < 1e-5
    assert (values_of("gradient", target * 1.5, target) > 0.1).all()


def test_gradient_needs_a_image_for_its_last_scale():
    prediction, target = depth_pair(size=8)
    values_of("gradient", prediction, target, scales=3)
    with pytest.raises(StudyError, match=r"loss_options\.gradient\.scales: 4 do not fit into an image of 8 x 8"):
        values_of("gradient", prediction, target, scales=4)
