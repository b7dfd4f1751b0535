"""The metrics of the depth: values by hand, torchmetrics, ideal values, depths near zero, the foreground."""

from __future__ import annotations

import math

import pytest
import torch

from loss_study import metrics
from loss_study.evaluation.per_image import depth
from support.predictions import ramps


def test_values_by_hand():
    target = torch.tensor([51.0, 51.0, 102.0, 204.0]).view(1, 1, 2, 2) / 255
    prediction = torch.tensor([0.2, 0.3, 0.2, 0.8]).view(1, 1, 2, 2)
    padded = {"prediction": torch.nn.functional.interpolate(prediction, scale_factor=8)}
    padded["target"] = torch.nn.functional.interpolate(target, scale_factor=8)
    values = {name: value.item() for name, value in depth.columns(**padded).items()}
    assert values.pop("ssim") < 1
    # Errors 0, 0.1, -0.2, 0; factors 1, 1.5, 2, 1.
    assert values == pytest.approx(
        {
            "rmse": math.sqrt(0.05 / 4),
            "mae": 0.3 / 4,
            "abs_rel": (0.5 + 0.5) / 4,
            "log10": (math.log10(1.5) + math.log10(2)) / 4,
            "delta1": 2 / 4,
            "delta2": 3 / 4,
            "delta3": 3 / 4,
        },
        rel=1e-6,
    )


def test_agrees_with_torchmetrics_image_by_image():
    from torchmetrics.functional import image, regression

    pair = ramps()
    values = depth.columns(**pair)
    references = {
        "rmse": lambda p, t: regression.mean_squared_error(p, t, squared=False),
        "mae": regression.mean_absolute_error,
        "abs_rel": regression.mean_absolute_percentage_error,
        "log10": lambda p, t: regression.mean_absolute_error(p.log10(), t.log10()),
        "ssim": lambda p, t: image.structural_similarity_index_measure(p[None], t[None], data_range=1.0),
    }
    for name, reference in references.items():
        expected = [reference(p, t).item() for p, t in zip(*pair.values(), strict=True)]
        assert values[name].tolist() == pytest.approx(expected, rel=1e-4), name


def test_a_perfect_depth_has_ideal_values():
    target = ramps()["target"]
    result = depth.summary(depth.columns(prediction=target, target=target, foreground=(target > 0.5).float()))
    for name, value in result.items():
        assert value == (1.0 if metrics.DEPTH[name].higher_is_better else 0.0), name


def test_depths_near_zero_count_as_one_step():
    flat = torch.zeros(1, 1, 16, 16)
    values = depth.columns(prediction=flat + 0.5 / 255, target=flat)
    assert values["abs_rel"].item() == 0
    assert values["log10"].item() == 0
    assert values["delta1"].item() == 1
    assert depth.columns(prediction=flat + 2 / 255, target=flat)["abs_rel"].item() == pytest.approx(1.0)


def test_the_foreground_is_measured_as_an_image_of_its_own():
    pair = ramps(images=3, size=32)
    foreground = torch.zeros_like(pair["target"])
    foreground[0, :, 4:24, 3:27] = 1
    foreground[1, :, 10:30, 1:31] = 200 / 255
    values = depth.columns(**pair, foreground=foreground)
    for image, (rows, columns) in enumerate([(slice(4, 24), slice(3, 27)), (slice(10, 30), slice(1, 31))]):
        cut = depth.columns(**{name: tensor[image, None, :, rows, columns] for name, tensor in pair.items()})
        for name in ("rmse", "mae", "abs_rel", "log10", "delta1", "delta2", "delta3"):
            assert values[f"{name}_fg"][image].item() == pytest.approx(cut[name].item()), name
    assert all(values[name][2].isnan() for name in values if name.endswith("_fg"))
    assert not any(values[name][2].isnan() for name in values if not name.endswith("_fg"))
    assert depth.summary(values)["rmse_fg"] == pytest.approx(values["rmse_fg"][:2].mean().item())
