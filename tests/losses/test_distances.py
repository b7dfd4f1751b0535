"""Distances to an outline, compared with SciPy's."""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt

from loss_study.losses.shared import distances
from support.loss_examples import discs, mask_pair


def test_they_are_those_of_scipy():
    for mask in (discs(20, radius=5), mask_pair(size=12)[1], discs(20, radius=5)[:, :, :13]):
        inside = mask.numpy() > 0.5
        both = [distance_transform_edt(one) + distance_transform_edt(~one) for one in inside[:, 0]]
        expected = np.stack(both)[:, None] / math.hypot(*mask.shape[-2:])
        torch.testing.assert_close(distances.to_outline(mask), torch.tensor(expected, dtype=torch.float32))


def test_without_an_outline_they_are_1():
    assert distances.to_outline(torch.zeros(1, 1, 4, 6)).eq(1).all()
    assert distances.to_outline(torch.ones(1, 2, 4, 6)).eq(1).all()
