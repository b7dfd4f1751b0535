"""The loss `ssi`: values worked out by hand, identities, and the same loss of other libraries."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from support.loss_examples import (
    configured,
    depth_pair,
    values_of,
)


@pytest.mark.parametrize(("scale", "shift"), [(0.5, 0.3), (1.2, -0.1), (-0.9, 0.95)])
def test_ssi_does_not_see_scale_and_shift(scale, shift):
    prediction, target = depth_pair()
    moved = scale * prediction + shift
    torch.testing.assert_close(
        values_of("ssi", moved, target), values_of("ssi", prediction, target), atol=1e-5, rtol=1e-4
    )
    assert values_of("ssi", scale * target + shift, target).abs().max() < 1e-5


def test_ssi_is_what_the_best_straight_line_leaves():
    prediction, target = depth_pair()
    expected = []
    for p, t in zip(prediction.flatten(1).double().numpy(), target.flatten(1).double().numpy(), strict=True):
        _, (residual,), _, _ = np.linalg.lstsq(np.stack([p, np.ones_like(p)], axis=1), t, rcond=None)
        expected.append(residual / t.size / 2)
    torch.testing.assert_close(values_of("ssi", prediction, target), torch.tensor(expected, dtype=torch.float32))


def test_ssi_of_a_flat_prediction_is_half_the_variance():
    _, target = depth_pair()
    logits = torch.zeros_like(target).requires_grad_()
    found = configured("ssi")(logits, target)
    found.sum().backward()
    torch.testing.assert_close(found, target.flatten(1).var(dim=1, correction=0) / 2)
    assert logits.grad.isfinite().all()
