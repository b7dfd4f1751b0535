"""The metrics of the depth: values by hand, a loop over pixels, torchmetrics, alignment, the ends of the scale."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from loss_study import metrics
from loss_study.data.depth_scale import DepthScale
from loss_study.evaluation.per_image import depth
from support.predictions import ramps


def test_values_by_hand():
    target = torch.tensor([51.0, 51.0, 102.0, 204.0]).view(1, 1, 2, 2) / 255
    prediction = torch.tensor([0.2, 0.3, 0.2, 0.8]).view(1, 1, 2, 2)
    padded = {"prediction": torch.nn.functional.interpolate(prediction, scale_factor=8)}
    padded["target"] = torch.nn.functional.interpolate(target, scale_factor=8)
    values = {name: value.item() for name, value in depth.columns(**padded).items()}
    assert values.pop("ssim") < 1
    # Coded errors 0, 0.1, -0.2, 0.
    assert values.pop("rmse_coded_aligned") < math.sqrt(0.05 / 4)
    assert values == pytest.approx({"rmse_coded": math.sqrt(0.05 / 4), "mae_coded": 0.3 / 4}, rel=1e-6)


def test_values_in_metres_by_hand():
    """Coded as z / (z + 9 m): 0.25 is 3 m, 0.5 is 9 m, 0.75 is 27 m, and 8/9 is 72 m, the end of the scale."""
    target = stored([0.25, 0.5, 0.75, 8 / 9])
    prediction = stored([0.5, 0.5, 0.25, 0.5])
    values = depth.columns(prediction=prediction, target=target, scale=DepthScale(9.0, 72.0))
    # Errors 6 m, 0 and -24 m; factors 3, 1 and 9; what lies at the end of the scale is not counted.
    expected = {
        "rmse": math.sqrt((6**2 + 24**2) / 3),
        "mae": 30 / 3,
        "abs_rel": (6 / 3 + 24 / 27) / 3,
        "log10": (math.log10(3) + math.log10(9)) / 3,
        "delta1": 1 / 3,
        "delta2": 1 / 3,
        "delta3": 1 / 3,
        "mae_coded": (0.25 + 0.5 + 8 / 9 - 0.5) / 4,
    }
    assert {name: values[name].item() for name in expected} == pytest.approx(expected, rel=1e-3)


def stored(codes):
    """Four codes as the quarters of an image, rounded to 16 bits."""
    rounded = (torch.tensor(codes).double() * 65535).round() / 65535
    return rounded.float().view(1, 1, 2, 2).repeat_interleave(8, 2).repeat_interleave(8, 3)


@pytest.mark.parametrize("halfway_m", [3.0, 9.0])
def test_metres_agree_with_a_loop_over_pixels(halfway_m):
    scale, pair = DepthScale(halfway_m, 40.0), ramps(images=3, size=12)
    generator = torch.Generator().manual_seed(1)
    valid, inside = ((torch.rand(pair["target"].shape, generator=generator) < 0.7).float() for _ in range(2))
    values = depth.columns(**pair, valid=valid, foreground=inside, scale=scale)
    arrays = [tensor.double().numpy()[:, 0] for tensor in (pair["prediction"], pair["target"], valid, inside)]
    for image, (p, t, v, f) in enumerate(zip(*arrays, strict=True)):
        for suffix, counted in (("", v), ("_fg", v * f)):
            assert {name: values[name + suffix][image].item() for name in PIXEL} == pytest.approx(
                in_metres(p, t, counted, halfway_m, 40.0), rel=1e-9
            )


PIXEL = ("rmse", "mae", "abs_rel", "log10", "delta1", "delta2", "delta3")


def in_metres(p, t, counted, halfway_m, farthest_m):
    sums, pixels = dict.fromkeys(PIXEL, 0.0), 0
    for row in range(p.shape[0]):
        for column in range(p.shape[1]):
            coded = t[row, column]
            true = halfway_m * coded / (1 - coded) if coded < 1 else math.inf
            if not counted[row, column] or true >= farthest_m:
                continue
            coded = min(p[row, column], farthest_m / (farthest_m + halfway_m))
            predicted = max(halfway_m * coded / (1 - coded), 0.001)
            factor = max(predicted / true, true / predicted)
            pixels += 1
            sums["rmse"] += (predicted - true) ** 2
            sums["mae"] += abs(predicted - true)
            sums["abs_rel"] += abs(predicted - true) / true
            sums["log10"] += abs(math.log10(predicted) - math.log10(true))
            for power in (1, 2, 3):
                sums[f"delta{power}"] += factor < 1.25**power
    means = {name: total / pixels for name, total in sums.items()}
    return means | {"rmse": math.sqrt(means["rmse"])}


def test_alignment_agrees_with_numpys_least_squares():
    pair, scale = ramps(), DepthScale(9.0, 80.0)
    values = depth.columns(**pair, scale=scale)
    arrays = [tensor.double().numpy().reshape(5, -1) for tensor in pair.values()]
    for image, (p, t) in enumerate(zip(*arrays, strict=True)):
        slope, offset = np.polyfit(p, t, 1)
        fitted = np.clip(slope * p + offset, 0, 1)
        assert values["rmse_coded_aligned"][image].item() == pytest.approx(np.sqrt(np.mean((fitted - t) ** 2)))
        near = t < scale.farthest
        z, true = scale.decode(fitted)[near], scale.decode(t)[near]
        assert values["abs_rel_aligned"][image].item() == pytest.approx(np.mean(np.abs(z - true) / true))
        assert values["rmse_aligned"][image].item() == pytest.approx(np.sqrt(np.mean((z - true) ** 2)))


def test_alignment_forgives_scale_and_shift_and_nothing_else():
    target = ramps()["target"]
    shifted = depth.columns(prediction=0.5 * target + 0.1, target=target)
    assert shifted["rmse_coded"].min() > 0.05 and shifted["rmse_coded_aligned"].max() < 1e-6
    flat = depth.columns(prediction=torch.full_like(target, 0.3), target=target)["rmse_coded_aligned"]
    torch.testing.assert_close(flat, target.double().flatten(1).std(dim=1, correction=0))


def test_relative_depth_has_no_metrics_in_metres():
    relative, metric = depth.columns(**ramps()), depth.columns(**ramps(), scale=DepthScale(9.0, 80.0))
    assert set(relative) == {"rmse_coded", "mae_coded", "rmse_coded_aligned", "ssim"}
    assert all(metrics.DEPTH[name].unit != "m" for name in relative)
    assert {name for name in metric if metrics.DEPTH[name].unit == "m"} == {"rmse", "mae", "rmse_aligned"}
    for name in relative:
        assert torch.equal(relative[name], metric[name]), name


def test_agrees_with_torchmetrics_image_by_image():
    from torchmetrics.functional import image, regression

    pair = ramps()
    pair["target"].clamp_(max=0.8)
    scale = DepthScale(9.0, 1000.0)
    values = depth.columns(**pair, scale=scale)
    references = {
        "rmse": lambda p, t: regression.mean_squared_error(p, t, squared=False),
        "mae": regression.mean_absolute_error,
        "abs_rel": regression.mean_absolute_percentage_error,
        "log10": lambda p, t: regression.mean_absolute_error(p.log10(), t.log10()),
    }
    for name, reference in references.items():
        expected = [reference(*map(scale.decode, images)).item() for images in zip(*doubles(pair), strict=True)]
        assert values[name].tolist() == pytest.approx(expected, rel=1e-6), name
    coded = {
        "rmse_coded": references["rmse"],
        "mae_coded": references["mae"],
        "ssim": lambda p, t: image.structural_similarity_index_measure(p[None], t[None], data_range=1.0),
    }
    for name, reference in coded.items():
        expected = [reference(p, t).item() for p, t in zip(*pair.values(), strict=True)]
        assert values[name].tolist() == pytest.approx(expected, rel=1e-4), name


def doubles(pair):
    return [tensor.double() for tensor in pair.values()]


def test_a_perfect_depth_has_ideal_values():
    target = ramps()["target"]
    foreground, scale = (target > 0.5).float(), DepthScale(9.0, 80.0)
    result = depth.summary(depth.columns(prediction=target, target=target, foreground=foreground, scale=scale))
    for name, value in result.items():
        ideal = 1.0 if metrics.DEPTH[name].higher_is_better else 0.0
        assert value == pytest.approx(ideal, abs=1e-12 if name.removesuffix("_fg").endswith("_aligned") else 0), name


def test_a_prediction_at_the_camera_or_at_infinity_is_finite():
    target = torch.full((2, 1, 16, 16), 0.2)
    prediction = torch.stack([torch.zeros(1, 16, 16), torch.ones(1, 16, 16)])
    values = depth.columns(prediction=prediction, target=target, scale=DepthScale(9.0, 80.0))
    assert values["mae"].tolist() == pytest.approx([2.25 - 0.001, 80 - 2.25], rel=1e-6)
    assert all(values[name].isfinite().all() for name in values)


def test_sky_alone_has_no_value_in_metres():
    scale = DepthScale(9.0, 80.0)
    target = torch.full((1, 1, 16, 16), round(65535 * scale.farthest) / 65535)
    values = depth.columns(prediction=target * 0.9, target=target, scale=scale)
    assert values["rmse"].isnan().all() and values["delta1"].isnan().all()
    assert values["rmse_coded"].item() == pytest.approx(0.1 * scale.farthest, rel=1e-4)


def test_the_foreground_is_measured_as_an_image_of_its_own():
    pair = ramps(images=3, size=32)
    foreground = torch.zeros_like(pair["target"])
    foreground[0, :, 4:24, 3:27] = 1
    foreground[1, :, 10:30, 1:31] = 200 / 255
    scale = DepthScale(9.0, 80.0)
    values = depth.columns(**pair, foreground=foreground, scale=scale)
    for image, (rows, columns) in enumerate([(slice(4, 24), slice(3, 27)), (slice(10, 30), slice(1, 31))]):
        part = {name: tensor[image, None, :, rows, columns] for name, tensor in pair.items()}
        cut = depth.columns(**part, scale=scale)
        for name in ("rmse_coded", "mae_coded", *PIXEL):
            assert values[f"{name}_fg"][image].item() == pytest.approx(cut[name].item()), name
    assert all(values[name][2].isnan() for name in values if name.endswith("_fg"))
    assert not any(values[name][2].isnan() for name in values if not name.endswith("_fg"))
    assert depth.summary(values)["rmse_fg"] == pytest.approx(values["rmse_fg"][:2].mean().item())
