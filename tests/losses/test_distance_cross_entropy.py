"""The loss `distance_cross_entropy`: values worked out by hand, and where it is cross-entropy."""

from __future__ import annotations

import math

import torch

from support.loss_examples import class_pair, mask_pair, row, values


def test_values():
    # Distances of 1, 1 and 2 pixels, in an image of 1 x 3.
    near, far = (1 + 0.05 / (0.05 + steps / math.sqrt(10)) for steps in (1, 2))
    found = values("distance_cross_entropy", row(0.0, 0.0, 0.0), row(1.0, 0.0, 0.0))
    torch.testing.assert_close(found, torch.tensor([math.log(2) * (2 * near + far) / 3]))


def test_without_width_it_is_cross_entropy():
    for pair in (mask_pair(), class_pair()):
        torch.testing.assert_close(values("distance_cross_entropy", *pair, width=1e-9), values("cross_entropy", *pair))
