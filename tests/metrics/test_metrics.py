"""Metrics of both heads, against hand-worked values, torchmetrics and scipy; empty masks; swapped arguments."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from scipy import ndimage

from loss_study import metrics
from loss_study.metrics import depth, mask


def grid(*rows):
    """A picture from strings: '#' is 1, '.' is 0; (1, 1, H, W)."""
    return torch.tensor([[float(character == "#") for character in row] for row in rows])[None, None]


def blobs(images=6, size=32, seed=0):
    """Prediction and true mask that overlap in part: smooth noise, and the same with more noise."""
    generator = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(generator.normal(size=(images, size, size)), (0, 4, 4))
    other = noise + ndimage.gaussian_filter(generator.normal(size=noise.shape), (0, 3, 3)) * 0.5
    target = torch.from_numpy(noise > np.quantile(noise, 0.85, axis=(1, 2), keepdims=True)).float()[:, None]
    prediction = torch.sigmoid(torch.from_numpy(other - np.quantile(other, 0.85)).float()[:, None] * 40)
    return {"prediction": prediction, "target": target}


def ramps(images=5, size=24, seed=0):
    """Prediction and true depth; the truth is at least 1/255."""
    generator = torch.Generator().manual_seed(seed)
    target = torch.randint(1, 256, (images, 1, size, size), generator=generator) / 255
    noise = torch.rand(target.shape, generator=generator)
    return {"prediction": (0.7 * target + 0.3 * noise).clamp(1 / 255, 1), "target": target}


# --- mask -------------------------------------------------------------------------------------------------------------


def test_mask_values_by_hand():
    target = grid("##..", "##..", "....", "....")
    prediction = grid(".##.", ".##.", ".#..", "....") * 0.8 + 0.1
    values = mask.per_image(prediction=prediction, target=target)
    # Two pixels in both, three predicted in vain, two missed, nine rightly left out.
    # Softly, foreground 0.9 and background 0.1 where it is marked, the other way round elsewhere: of 16 pixels the 11
    # right ones are right by 0.9, the 5 wrong ones by 0.1, and prediction and truth weigh 16 each.
    right = 11 * 0.9 + 5 * 0.1
    assert {name: value.item() for name, value in values.items() if name != "boundary_f"} == pytest.approx(
        {
            "iou": 2 / 7,
            "dice": 4 / 9,
            "mean_iou": (2 / 7 + 9 / 14) / 2,
            "custom_iou": (right + 0.001) / (32 - right + 0.001),
            "pixel_accuracy": 11 / 16,
            "precision": 2 / 5,
            "recall": 2 / 4,
            "true_positives": 2,
            "false_positives": 3,
            "false_negatives": 2,
        }
    )


def test_mask_agrees_with_torchmetrics_image_by_image():
    from torchmetrics.functional import classification

    pair = blobs()
    values = mask.per_image(**pair, threshold=0.3)
    references = {
        "iou": classification.binary_jaccard_index,
        "dice": classification.binary_f1_score,
        "pixel_accuracy": classification.binary_accuracy,
        "precision": classification.binary_precision,
        "recall": classification.binary_recall,
    }
    for name, reference in references.items():
        expected = [
            reference(p, t.int(), threshold=0.3).item() for p, t in zip(pair["prediction"], pair["target"], strict=True)
        ]
        assert 0 < min(expected) < max(expected) < 1
        assert values[name].tolist() == pytest.approx(expected, abs=1e-6), name


EMPTY, FULL, SPOT = (
    grid(*["......"] * 6),
    grid(*["######"] * 6),
    grid("......", "......", "..##..", "..##..", "......", "......"),
)
RATIOS = ("iou", "dice", "precision", "recall", "boundary_f")


@pytest.mark.parametrize(
    ("prediction", "target", "expected"),
    [
        (EMPTY, EMPTY, (1, 1, 1, 1, 1)),
        (EMPTY, SPOT, (0, 0, 0, 0, 0)),
        (SPOT, EMPTY, (0, 0, 0, 0, 0)),
        (SPOT, SPOT, (1, 1, 1, 1, 1)),
        (FULL, FULL, (1, 1, 1, 1, 1)),
        (FULL, EMPTY, (0, 0, 0, 0, 1)),
        (FULL, SPOT, (1 / 9, 1 / 5, 1 / 9, 1, 0)),
    ],
    ids=["both empty", "missed", "false alarm", "right", "both full", "full on empty", "full on spot"],
)
def test_rules_for_empty_and_full_masks(prediction, target, expected):
    values = mask.per_image(prediction=prediction, target=target)
    assert [values[name].item() for name in RATIOS] == pytest.approx(expected)


def test_soft_edges_of_the_truth_count_from_one_half():
    target = torch.tensor([0, 127, 128, 255]).view(1, 1, 2, 2) / 255
    assert mask.per_image(prediction=torch.ones(1, 1, 2, 2), target=target)["precision"].item() == 0.5


def test_boundary_f_by_hand():
    square = torch.zeros(1, 1, 64, 64, dtype=torch.bool)
    square[..., 20:40, 20:40] = True
    # At 64 x 64 the tolerance is one pixel: a shift of one pixel matches wholly.
    assert mask.boundary_f(square.roll(1, -1), square).item() == 1.0
    # Shifted by ten, 24 of 76 outline pixels match: on the rows of both the 10 shared ones and one more, and where the
    # side of one meets the rows of the other one pixel each.
    assert mask.boundary_f(square.roll(10, -1), square).item() == pytest.approx(24 / 76)
    assert mask.boundary_f(square.roll(30, -1), square).item() == 0.0


@pytest.mark.parametrize(("height", "width", "tolerance"), [(32, 32, 1), (224, 224, 3), (64, 256, 2)])
def test_boundary_f_agrees_with_distance_transforms(height, width, tolerance):
    pair = blobs(images=2, size=max(height, width), seed=3)
    predicted = pair["prediction"][..., :height, :width] > 0.5
    true = pair["target"][..., :height, :width] > 0.5
    expected = []
    for p, t in zip(predicted[:, 0].numpy(), true[:, 0].numpy(), strict=True):
        outlines = [m & ~ndimage.binary_erosion(m, np.ones((3, 3)), border_value=1) for m in (p, t)]
        far = [ndimage.distance_transform_cdt(~outline, "chessboard") for outline in outlines]
        precision, recall = (far[1][outlines[0]] <= tolerance).mean(), (far[0][outlines[1]] <= tolerance).mean()
        expected.append(2 * precision * recall / (precision + recall))
    assert 0 < min(expected) < 1
    assert mask.boundary_f(predicted, true).tolist() == pytest.approx(expected)


def test_mask_aggregate_pools_the_counts():
    # 1 of 1 pixel found, and 1 of 9: the mean of the IoUs is 5/9, that of all pixels together 2/10.
    target = torch.cat([grid("#...", "....", "....", "...."), grid("###.", "###.", "###.", "....")])
    prediction = torch.cat([grid("#...", "....", "....", "....")] * 2)
    result = mask.aggregate(mask.per_image(prediction=prediction, target=target))
    assert result["iou"] == pytest.approx(5 / 9)
    assert result["iou_dataset"] == pytest.approx(2 / 10)
    assert result["dice"] == pytest.approx((1 + 2 / 10) / 2)
    assert result["dice_dataset"] == pytest.approx(4 / 12)


@pytest.mark.parametrize("seed", [0, 1])
def test_best_threshold_is_that_of_trying_them_all(seed):
    pair = blobs(seed=seed)
    # Some predictions lie exactly on thresholds.
    pair["prediction"][0] = (pair["prediction"][0] * 100).round() / 100
    tried = torch.stack([mask.per_image(**pair, threshold=k / 100)["iou"] for k in range(1, 100)], dim=1)
    torch.testing.assert_close(mask.iou_by_threshold(**pair), tried)
    best = mask.best_threshold(**pair)
    assert tried[:, round(best * 100) - 1].mean().item() == pytest.approx(tried.mean(dim=0).max().item())
    assert best != 0.5


def test_best_threshold_of_equals_is_the_nearest_to_a_half():
    target = grid("##..", "##..", "....", "....")
    assert mask.best_threshold(prediction=target, target=target) == 0.5
    assert mask.best_threshold(prediction=target * 0.3, target=target) == 0.29
    assert mask.best_threshold(prediction=0.6 + target * 0.2, target=target) == 0.6


# --- depth ------------------------------------------------------------------------------------------------------------


def test_depth_values_by_hand():
    target = torch.tensor([51.0, 51.0, 102.0, 204.0]).view(1, 1, 2, 2) / 255
    prediction = torch.tensor([0.2, 0.3, 0.2, 0.8]).view(1, 1, 2, 2)
    padded = {"prediction": torch.nn.functional.interpolate(prediction, scale_factor=8)}
    padded["target"] = torch.nn.functional.interpolate(target, scale_factor=8)
    values = {name: value.item() for name, value in depth.per_image(**padded).items()}
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


def test_depth_agrees_with_torchmetrics_image_by_image():
    from torchmetrics.functional import image, regression

    pair = ramps()
    values = depth.per_image(**pair)
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


def test_depth_of_the_truth_is_ideal():
    target = ramps()["target"]
    result = depth.aggregate(depth.per_image(prediction=target, target=target, foreground=(target > 0.5).float()))
    for name, value in result.items():
        assert value == (1.0 if metrics.METRICS[name].higher_is_better else 0.0), name


def test_depths_near_zero_count_as_one_step():
    flat = torch.zeros(1, 1, 16, 16)
    values = depth.per_image(prediction=flat + 0.5 / 255, target=flat)
    assert values["abs_rel"].item() == 0
    assert values["log10"].item() == 0
    assert values["delta1"].item() == 1
    assert depth.per_image(prediction=flat + 2 / 255, target=flat)["abs_rel"].item() == pytest.approx(1.0)


def test_depth_on_the_foreground_is_depth_of_those_pixels():
    pair = ramps(images=3, size=32)
    foreground = torch.zeros_like(pair["target"])
    foreground[0, :, 4:24, 3:27] = 1
    foreground[1, :, 10:30, 1:31] = 200 / 255
    values = depth.per_image(**pair, foreground=foreground)
    for image, (rows, columns) in enumerate([(slice(4, 24), slice(3, 27)), (slice(10, 30), slice(1, 31))]):
        cut = depth.per_image(**{name: tensor[image, None, :, rows, columns] for name, tensor in pair.items()})
        for name in ("rmse", "mae", "abs_rel", "log10", "delta1", "delta2", "delta3"):
            assert values[f"{name}_fg"][image].item() == pytest.approx(cut[name].item()), name
    assert all(values[name][2].isnan() for name in values if name.endswith("_fg"))
    assert not any(values[name][2].isnan() for name in values if not name.endswith("_fg"))
    assert depth.aggregate(values)["rmse_fg"] == pytest.approx(values["rmse_fg"][:2].mean().item())


# --- both -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("module", "pair"), [(mask, blobs()), (depth, ramps())], ids=["mask", "depth"])
def test_batches_joined_are_the_whole(module, pair):
    batches = [
        module.per_image(**{name: tensor[part] for name, tensor in pair.items()})
        for part in (slice(0, 2), slice(2, None))
    ]
    joined = {name: torch.cat([batch[name] for batch in batches]) for name in batches[0]}
    assert module.aggregate(joined) == pytest.approx(module.aggregate(module.per_image(**pair)))


def test_the_table_holds_every_metric_and_no_other():
    pair = blobs()
    at_best = {name + metrics.AT_BEST: column for name, column in mask.at_threshold(**pair, threshold=0.3).items()}
    of_mask = mask.aggregate(mask.per_image(**pair) | at_best)
    of_depth = depth.aggregate(depth.per_image(**ramps(), foreground=torch.ones(5, 1, 24, 24)))
    for head, result in (("mask", of_mask), ("depth", of_depth)):
        assert set(result) == {name for name, metric in metrics.METRICS.items() if metric.head == head}
        assert metrics.HEADLINE[head] in result
    assert of_mask["iou_dataset_at_best"] != of_mask["iou_dataset"]


def test_the_table_is_read_without_importing_torch():
    code = "import sys; from loss_study.metrics import METRICS; assert METRICS; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("module", "pair", "changed"),
    [(mask, blobs(), ("precision", "recall")), (depth, ramps(), ("abs_rel",))],
    ids=["mask", "depth"],
)
def test_prediction_and_target_cannot_be_swapped_unnoticed(module, pair, changed):
    swapped = {"prediction": pair["target"], "target": pair["prediction"]}
    with pytest.raises(ValueError, match="are prediction and target swapped"):
        module.per_image(**swapped)
    with pytest.raises(TypeError):
        module.per_image(pair["prediction"], pair["target"])
    # The guard is needed: between two pictures that both could be truths the swap changes the figures.
    steps = {name: (tensor * 255).round() / 255 for name, tensor in pair.items()}
    values = module.per_image(**steps)
    others = module.per_image(prediction=steps["target"], target=steps["prediction"])
    for name in changed:
        assert (values[name] - others[name]).abs().max() > 0.02, name


@pytest.mark.parametrize("module", [mask, depth])
@pytest.mark.parametrize(
    ("prediction", "target", "message"),
    [
        (torch.zeros(2, 1, 16, 16), torch.zeros(2, 16, 16), r"must both be \(N, 1, H, W\)"),
        (torch.zeros(2, 2, 16, 16), torch.zeros(2, 2, 16, 16), r"must both be \(N, 1, H, W\)"),
        (torch.zeros(0, 1, 16, 16), torch.zeros(0, 1, 16, 16), r"must both be \(N, 1, H, W\)"),
        (torch.full((1, 1, 16, 16), 3.0), torch.zeros(1, 1, 16, 16), r"prediction must be .* in \[0, 1\]"),
        (torch.full((1, 1, 16, 16), math.nan), torch.zeros(1, 1, 16, 16), r"prediction must be .* in \[0, 1\]"),
        (torch.zeros(1, 1, 16, 16), torch.full((1, 1, 16, 16), 255.0), r"target must be .* in \[0, 1\]"),
        (torch.zeros(1, 1, 16, 16), torch.zeros(1, 1, 16, 16, dtype=torch.uint8), "target must be floating point"),
    ],
    ids=["dimensions", "channels", "no image", "logits", "nan", "bytes as float", "bytes"],
)
def test_unfit_arguments_are_refused(module, prediction, target, message):
    with pytest.raises(ValueError, match=message):
        module.per_image(prediction=prediction, target=target)


def test_headline_is_the_mean_of_the_ranking_metric():
    pair, other = blobs(), ramps()
    assert metrics.headline("mask", **pair) == pytest.approx(mask.per_image(**pair)["iou"].mean().item())
    assert metrics.headline("depth", **other) == pytest.approx(depth.per_image(**other)["rmse"].mean().item())
    pair["prediction"][0, 0, 0, 0] = math.nan
    assert math.isnan(metrics.headline("mask", **pair))


def test_better_is_higher_iou_and_lower_rmse():
    assert metrics.is_better("mask", 0.9, 0.8)
    assert not metrics.is_better("mask", 0.8, 0.8)
    assert metrics.is_better("depth", 0.1, 0.2)
    assert not metrics.is_better("depth", 0.2, 0.1)
    for head in ("mask", "depth"):
        assert metrics.is_better(head, 0.5, math.nan)
        assert not metrics.is_better(head, math.nan, 0.5)
        assert not metrics.is_better(head, math.nan, math.nan)


def test_collapsed_masks_are_named():
    target = blobs()["target"]
    assert metrics.collapse("mask", prediction=target, target=target) == ""
    assert metrics.collapse("mask", prediction=target * 0.4, target=target) == "all background"
    assert metrics.collapse("mask", prediction=1 - target * 0.4, target=target) == "all foreground"
    # One pixel found is no recovery; a tenth of the foreground found is bad, but not collapsed.
    speck = torch.zeros_like(target)
    speck[0, 0, 0, 0] = 1
    assert metrics.collapse("mask", prediction=speck, target=target) == "all background"
    tenth = target.clone().flatten()
    tenth[tenth.nonzero().flatten()[::10]] = 0
    assert metrics.collapse("mask", prediction=target - tenth.view_as(target), target=target) == ""
    # Where the truth itself is empty or full, so may the prediction be.
    for truth in (torch.zeros_like(target), torch.ones_like(target)):
        assert metrics.collapse("mask", prediction=truth, target=truth) == ""


def test_constant_depth_is_named():
    pair = ramps()
    flat = torch.full_like(pair["target"], 0.4)
    assert metrics.collapse("depth", **pair) == ""
    assert metrics.collapse("depth", prediction=flat, target=pair["target"]) == "constant depth"
    nearly = flat + 0.01 * (pair["prediction"] - 0.5)
    assert metrics.collapse("depth", prediction=nearly, target=pair["target"]) == "constant depth"
    assert metrics.collapse("depth", prediction=flat, target=torch.full_like(flat, 0.2)) == ""
    # One depth per image, but not the same for all, is poor and yet no constant.
    per_image = torch.linspace(0, 1, 5).view(5, 1, 1, 1).expand_as(flat)
    assert metrics.collapse("depth", prediction=per_image, target=pair["target"]) == ""
