"""Gradients and pulls against formulas worked out by hand; what evaluate writes of them."""

import json
import math

import numpy as np
import pytest
import torch

from loss_study import config, losses
from loss_study.config import composition, load_config
from loss_study.data.packed import PackedSample
from loss_study.evaluation import shown_images
from loss_study.evaluation.error_analysis import (
    class_errors,
    depth_errors,
    gradients,
    mask_errors,
    pixel_response,
    regions,
)
from loss_study.evaluation.evaluate import evaluate_trials
from loss_study.evaluation.trained_models import initial_model, load_model
from loss_study.training import run
from loss_study.trial import Trial

OPTIONS = {"weighted_bce": {"pos_weight": 9.0}, "dice": {"smooth": 0.0}}


def loss(name):
    return losses.load(name, OPTIONS.get(name))


def random_logits(seed=0):
    """Logits and a mask of two images of 16 x 16 px; the first quarter of each is foreground."""
    generator = torch.Generator().manual_seed(seed)
    target = torch.zeros(2, 1, 16, 16, dtype=torch.float64)
    target[:, :, :8, :8] = 1
    return torch.randn(2, 1, 16, 16, generator=generator, dtype=torch.float64), target


# Regions


def test_outline_is_the_band_on_both_sides():
    mask = torch.zeros(1, 1, 16, 16)
    mask[0, 0, 4:9, 4:9] = 1
    band = regions.outline(mask)[0, 0]
    # One pixel on each side: the square of 7 without the square of 3 in it.
    assert band.sum() == 49 - 9
    assert band[3:10, 3:10].sum() == 40 and not band[5:8, 5:8].any()


def test_the_edge_of_the_image_is_no_outline():
    assert not regions.outline(torch.ones(1, 1, 16, 16)).any()


def test_depth_edges_are_jumps_not_slopes():
    depth = torch.linspace(0, 1, 64)[None, None, None, :].repeat(1, 1, 8, 1)
    assert not regions.depth_edges(depth).any()
    depth[..., 32:] += 0.2
    assert regions.depth_edges(depth)[0, 0, 0].nonzero().flatten().tolist() == [31, 32]


def test_nothing_runs_along_invalid_pixels():
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., :8] = 1
    valid = torch.ones_like(mask)
    valid[..., 6:10] = 0
    assert regions.outline(mask).any() and not regions.outline(mask, valid).any()
    assert regions.depth_edges(mask).any() and not regions.depth_edges(mask, valid).any()
    # Beside the invalid pixels the two meet in the last row, and there alone.
    valid[..., 15, :] = 1
    assert regions.outline(mask, valid)[0, 0].nonzero().tolist() == [[15, 7], [15, 8]]


def test_outlines_of_classes_are_where_any_two_meet():
    classes = torch.zeros(1, 3, 16, 16)
    classes[:, 0, :, :5], classes[:, 1, :, 5:10], classes[:, 2, :, 10:] = 1, 1, 1
    assert regions.outline(classes)[0, 0, 3].nonzero().flatten().tolist() == [4, 5, 9, 10]
    assert set(regions.of_head("mask", classes, None)) == {"outline"}


# Errors


def test_errors_are_those_of_the_valid_part():
    """The right half is invalid: counts are those of the left half, however wrong the right one is."""
    generator = torch.Generator().manual_seed(0)
    target = (torch.rand(2, 1, 16, 16, generator=generator) < 0.3).float()
    prediction = torch.rand(2, 1, 16, 16, generator=generator)
    valid = torch.zeros_like(target)
    valid[..., :8] = 1
    half = {"prediction": prediction[..., :8].contiguous(), "target": target[..., :8]}
    for module, options in ((mask_errors, {}), (depth_errors, {"mask": None})):
        whole = module.describe(prediction=prediction, target=target, valid=valid, **options)
        part = module.describe(**half, **options)
        numbers, others = (torch.tensor(flat(described), dtype=torch.float64) for described in (whole, part))
        torch.testing.assert_close(numbers, others, equal_nan=True)


def flat(described):
    """All numbers of nested mappings and lists, in order."""
    if isinstance(described, dict):
        described = list(described.values())
    return [number for value in described for number in flat(value)] if isinstance(described, list) else [described]


def test_class_errors_by_hand():
    """One row of eight pixels: 0 0 0 1 1 1 1 2, of which the fourth is taken for 0 and the last, invalid, for 1."""
    numbers = torch.tensor([0, 0, 0, 1, 1, 1, 1, 2]).expand(2, 8)
    target = torch.nn.functional.one_hot(numbers, 3).movedim(-1, 0)[None].float()
    prediction = 0.7 * target + 0.1
    prediction[:, :, :, 3] = torch.tensor([0.6, 0.3, 0.1]).view(1, 3, 1)
    prediction[:, :, :, 7] = torch.tensor([0.0, 1.0, 0.0]).view(1, 3, 1)
    valid = torch.ones(1, 1, 2, 8)
    valid[..., 7] = 0
    found = class_errors.describe(prediction=prediction, target=target, valid=valid)
    assert found["confusion"] == [[6, 0, 0], [2, 6, 0], [0, 0, 0]]
    assert found["regions"] == {"outline": {"pixels": 4, "wrong": 2}, "elsewhere": {"pixels": 10, "wrong": 0}}
    # Twelve pixels right with 0.8, two wrong with 0.6.
    assert found["calibration"]["error"] == pytest.approx((12 * 0.2 + 2 * 0.6) / 14)


# Gradients on images


def test_gradient_of_bce_is_prediction_minus_target():
    logits, target = random_logits()
    expected = (torch.sigmoid(logits) - target) / 256
    assert torch.allclose(gradients.gradient_of(loss("bce"), logits, target), expected, atol=1e-12)


def test_gradient_of_dice_by_its_formula():
    logits, target = random_logits()
    p = torch.sigmoid(logits)
    total = (p + target).sum(dim=(1, 2, 3), keepdim=True)
    overlap = 2 * (p * target).sum(dim=(1, 2, 3), keepdim=True) / total
    expected = (overlap - 2 * target) / total * p * (1 - p)
    # The loss itself adds 1e-6 pixels to the denominator.
    assert torch.allclose(gradients.gradient_of(loss("dice"), logits, target), expected, rtol=1e-6, atol=0)


def test_a_gradient_is_that_of_the_image_alone():
    logits, target = random_logits()
    both = gradients.gradient_of(loss("rmse"), logits, target)
    alone = gradients.gradient_of(loss("rmse"), logits[:1], target[:1])
    assert torch.allclose(both[:1], alone, atol=1e-15)


@pytest.mark.parametrize(
    ("name", "share"),
    # Everything predicted as 0.5, a quarter of the image foreground. bce: every pixel pulls alike. weighted_bce with
    # w = 9: 9/4 against 3/4. dice: D = 2 (1/8) / (1/2 + 1/4) = 1/3, so |D - 2| / 4 against 3 D / 4.
    [("bce", 1 / 4), ("l1", 1 / 4), ("rmse", 1 / 4), ("weighted_bce", 9 / 12), ("dice", (5 / 3) / (5 / 3 + 1))],
)
def test_share_of_the_foreground_where_nothing_is_known(name, share):
    _, target = random_logits()
    found = gradients.of_logits(loss(name), torch.zeros_like(target), target, {"foreground": target > 0.5})
    assert found["share"]["foreground"] == pytest.approx(share, rel=1e-5)
    assert found["pixels"]["foreground"] == 0.25


def test_norms_by_hand():
    _, target = random_logits()
    found = gradients.of_logits(loss("weighted_bce"), torch.zeros_like(target), target, {})
    # |g| is 9/2 on 64 pixels and 1/2 on 192, over 256; that of bce 1/2 on all 256 pixels.
    assert found["norm"] == pytest.approx(math.sqrt(64 * 4.5**2 + 192 * 0.25) / 256)
    assert found["relative_norm"] == pytest.approx(found["norm"] / (0.5 * 16 / 256))


def test_regions_that_make_up_the_image_have_the_whole_gradient():
    logits, target = random_logits()
    inside = {"foreground": target > 0.5, "background": target <= 0.5}
    found = gradients.of_logits(loss("ssim"), logits, target, inside)
    assert sum(found["share"].values()) == pytest.approx(1)


def test_no_gradient_has_no_whereabouts():
    _, target = random_logits()
    target = target.float()
    found = gradients.of_logits(loss("l1"), 400 * (target - 0.5), target, {"foreground": target > 0.5})
    assert found["norm"] == 0
    assert math.isnan(found["share"]["foreground"]) and math.isnan(found["relative_norm"])


# The pull on one pixel


def pulls(name, head="mask", state="late"):
    found = pixel_response.curves(loss(name), head, 32)
    return np.array(found["probability"]), {pixel["name"]: (pixel["truth"], pixel[state]) for pixel in found["pixels"]}


@pytest.mark.parametrize("head", ["mask", "depth"])
@pytest.mark.parametrize("state", ["start", "late"])
def test_pull_of_bce_is_a_straight_line(head, state):
    p, pixels = pulls("bce", head, state)
    assert len(pixels) == 2
    for truth, pull in pixels.values():
        assert np.allclose(pull, truth - p, atol=1e-9)


def test_pull_of_l1_vanishes_where_the_pixel_is_most_wrong():
    p, pixels = pulls("l1")
    assert np.allclose(pixels["foreground"][1], p * (1 - p))
    assert np.allclose(pixels["background"][1], -p * (1 - p))


@pytest.mark.parametrize("head", ["mask", "depth"])
@pytest.mark.parametrize("name", ["bce", "l1", "rmse", "huber"])
def test_losses_that_the_target_minimises_pull_towards_it(name, head):
    for state in ("start", "late"):
        p, pixels = pulls(name, head, state)
        for truth, pull in pixels.values():
            assert (np.sign(pull) == np.sign(truth - p)).all()


def test_weighted_bce_rests_at_a_wrong_depth():
    p, pixels = pulls("weighted_bce", "depth")
    truth, pull = pixels["near"]
    rest = 9 * truth / (9 * truth + 1 - truth)
    assert rest > truth + 0.4
    assert (np.sign(pull) == np.sign(rest - p)).all()


def test_a_pixel_far_from_the_window_feels_nothing_of_the_disc():
    """The background pixel of ssim is pulled as in an empty image."""
    found = pixel_response.curves(losses.load("ssim", {"window": 3, "sigma": 1.5}), "mask", 32)
    background = found["pixels"][1]["late"]
    empty = torch.full((1, 1, 32, 32), 0.05, dtype=torch.float64).repeat(len(background), 1, 1, 1)
    empty[:, 0, 16, 16] = pixel_response.PROBABILITIES
    gradient = gradients.gradient_of(losses.load("ssim", {"window": 3}), torch.logit(empty), torch.zeros_like(empty))
    assert np.allclose(background, -gradient[:, 0, 16, 16] * 32**2)


def test_dice_at_the_start_knows_the_share_of_the_foreground():
    """Foreground and background are pulled as (2 - D) to D; 0.5 everywhere gives D = 2 m / (1 + 2 m), m = 0.085."""
    _, pixels = pulls("dice", state="start")
    middle = len(pixel_response.PROBABILITIES) // 2
    ratio = -pixels["foreground"][1][middle] / pixels["background"][1][middle]
    assert ratio == pytest.approx((1 + 2 * 0.085) / 0.085 - 1, rel=0.05)


# What is stored


def test_stored_places_fit_and_spread_over_the_split():
    assert shown_images.stored_places(200, 64).tolist() == list(range(200))
    places = shown_images.stored_places(4000, 112)
    assert len(places) * 112**2 <= shown_images.STORED_BYTES < (len(places) + 1) * 112**2
    assert places[0] == 0 and places[-1] == 3999 and np.ptp(np.diff(places)) == 1


# What evaluate writes


@pytest.fixture
def smoke(tmp_path, sample, monkeypatch):
    composition.compose(tmp_path / "params.yaml", ["scale=smoke", "recipe.batch_size=4"])
    monkeypatch.chdir(tmp_path)
    return load_config()


@pytest.mark.parametrize("head", ["mask", "depth"])
def test_evaluate_analyses_the_errors_of_a_trial(head, sample, smoke):
    trial = Trial(head, "rmse", 5)
    run.train_trials([trial], smoke, sample)
    evaluate_trials([trial], sample)
    analysis = json.loads((trial.eval_dir / "error_analysis.json").read_text())
    gradient = analysis["gradients"]
    assert gradient["images"] == 6
    names = {"mask": {"foreground", "outline"}, "depth": {"foreground", "edges"}}[head]
    for moment in ("start", "end"):
        assert set(gradient[moment]["share"]) == names
        assert gradient[moment]["norm"] > 0 and all(0 < share < 1 for share in gradient[moment]["share"].values())
    assert gradient["start"]["norm"] != gradient["end"]["norm"]
    pixels = {"mask": ["foreground", "background"], "depth": ["near", "far"]}[head]
    assert [pixel["name"] for pixel in analysis["response"]["pixels"]] == pixels
    assert analysis["kept"] == list(range(18, 24))

    stored = np.load(trial.eval_dir / "test.npy")
    panel = json.loads((trial.eval_dir / "metrics.json").read_text())["panel"]
    places = [analysis["kept"].index(number) for number in panel]
    assert np.array_equal(stored[places], np.load(trial.eval_dir / "predictions.npy"))


def test_without_masks_depth_has_no_foreground(sample, smoke):
    path = sample.folder / "sample.json"
    meta = json.loads(path.read_text()) | {"heads": ["depth"]}
    path.write_text(json.dumps(meta))
    bare = PackedSample.open(sample.folder)
    trial = Trial("depth", "bce", 0)
    run.train_trials([trial], smoke, bare)
    evaluate_trials([trial], bare)
    analysis = json.loads((trial.eval_dir / "error_analysis.json").read_text())
    assert set(analysis["gradients"]["start"]["share"]) == {"edges"}
    assert set(analysis["errors"]["regions"]) == {"edges", "elsewhere"}


def test_initial_model_is_what_training_starts_from(sample, smoke, tmp_path):
    """A training that diverges in its first epoch leaves the weights that it started from."""
    values = smoke.model_dump()
    values["recipe"]["optimizer"] = {"name": "sgd", "lr": 1e30, "options": {}}
    diverging = config.Config.model_validate(values)
    trial = Trial("mask", "bce", 7)
    run.train_trials([trial], diverging, sample)
    path = trial.run_dir / "model.pt"
    assert json.loads((trial.run_dir / "trial.json").read_text())["status"] == "diverged"
    start, left = initial_model(path, 7).state_dict(), load_model(path).state_dict()
    assert all(torch.equal(start[name], left[name]) for name in start)
    assert not all(torch.equal(left[name], value) for name, value in initial_model(path, 8).state_dict().items())
