"""The loss `boundary`: values worked out by hand."""

from __future__ import annotations

import math

import torch

from support.loss_examples import CERTAIN, row, values


def test_values():
    # Distances of -1, 1 and 2 pixels, in an image of 1 x 3.
    target, diagonal = row(1.0, 0.0, 0.0), math.sqrt(10)
    torch.testing.assert_close(values("boundary", row(0.0, 0.0, 0.0), target), torch.tensor([1 / 3 / diagonal]))
    right = (2 * target - 1) * CERTAIN
    torch.testing.assert_close(values("boundary", right, target), torch.tensor([-1 / 3 / diagonal]))


def test_without_an_outline_every_pixel_is_as_far_as_the_diagonal():
    logits = row(0.0, 0.0, 0.0)
    torch.testing.assert_close(values("boundary", logits, row(0.0, 0.0, 0.0)), torch.tensor([0.5]))
    torch.testing.assert_close(values("boundary", logits, row(1.0, 1.0, 1.0)), torch.tensor([-0.5]))
