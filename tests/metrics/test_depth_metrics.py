"""The metrics of the depth, each by its formula in NumPy, over all pixels and over some."""

import numpy as np
import pytest
import torch

from loss_study.metrics.abs_rel import abs_rel
from loss_study.metrics.delta import delta
from loss_study.metrics.log10 import log10
from loss_study.metrics.mae import mae
from loss_study.metrics.rmse import rmse
from support.predictions import ramps

FORMULAS = {
    "rmse": (rmse, lambda p, t: np.sqrt(np.mean((p - t) ** 2))),
    "mae": (mae, lambda p, t: np.mean(np.abs(p - t))),
    "abs_rel": (abs_rel, lambda p, t: np.mean(np.abs(p - t) / t)),
    "log10": (log10, lambda p, t: np.mean(np.abs(np.log10(p) - np.log10(t)))),
    "delta1": (lambda p, t, w=None: delta(p, t, 1, w), lambda p, t: np.mean(np.maximum(p / t, t / p) < 1.25)),
    "delta3": (lambda p, t, w=None: delta(p, t, 3, w), lambda p, t: np.mean(np.maximum(p / t, t / p) < 1.25**3)),
}


def depths():
    prediction, target = (tensor.double() for tensor in ramps().values())
    return prediction, target


@pytest.mark.parametrize("name", FORMULAS)
def test_by_its_formula(name):
    function, formula = FORMULAS[name]
    prediction, target = depths()
    expected = [formula(p, t) for p, t in zip(prediction.numpy(), target.numpy(), strict=True)]
    assert function(prediction, target).tolist() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", FORMULAS)
def test_over_the_pixels_of_weight_one(name):
    function, formula = FORMULAS[name]
    prediction, target = depths()
    weight = (torch.rand(target.shape, generator=torch.Generator().manual_seed(1)) < 0.3).double()
    some = weight.numpy() > 0
    expected = [formula(p[w], t[w]) for p, t, w in zip(prediction.numpy(), target.numpy(), some, strict=True)]
    assert function(prediction, target, weight).tolist() == pytest.approx(expected, rel=1e-12)
    assert function(prediction, target, torch.zeros_like(weight)).isnan().all()


def test_rmse_of_a_constant_error_is_that_error_and_else_above_mae():
    prediction, target = depths()
    flat = torch.full_like(target, 0.25)
    assert rmse(flat + 0.1, flat).tolist() == pytest.approx([0.1] * len(flat))
    assert mae(flat - 0.1, flat).tolist() == pytest.approx([0.1] * len(flat))
    assert (rmse(prediction, target) > mae(prediction, target)).all()


def test_a_common_factor_is_a_constant_in_the_relative_metrics():
    _, target = depths()
    target = target.clamp(0.1, 0.5)
    assert abs_rel(1.5 * target, target).tolist() == pytest.approx([0.5] * 5)
    assert log10(1.5 * target, target).tolist() == pytest.approx([np.log10(1.5)] * 5)
    assert [delta(1.5 * target, target, power)[0].item() for power in (1, 2, 3)] == [0, 1, 1]


def test_log10_and_delta_are_symmetric():
    prediction, target = depths()
    torch.testing.assert_close(log10(prediction, target), log10(target, prediction))
    assert torch.equal(delta(prediction, target, 2), delta(target, prediction, 2))
