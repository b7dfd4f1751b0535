"""The headline metric over a split is that of the whole split, however it is cut into batches."""

from __future__ import annotations

import math

import pytest
import torch

from loss_study.evaluation.per_image import classes, depth, mask
from loss_study.metrics.headline import Headline
from loss_study.metrics.thresholds import best_threshold
from support.predictions import blobs, mixtures, ramps


def of(head, pair, *ends, valid=None):
    headline = Headline(head)
    for start, end in zip((0, *ends), (*ends, None), strict=True):
        part = slice(start, end)
        cut = {name: tensor[part] for name, tensor in pair.items()}
        headline.add(**cut, valid=None if valid is None else valid[part])
    return headline.value


@pytest.mark.parametrize("ends", [(), (1,), (2, 3), (1, 2, 3, 4)])
def test_batches_of_any_size_give_the_metric_of_the_split(ends):
    pair = blobs()
    threshold = best_threshold(**pair)
    assert threshold != 0.5
    at_best = mask.columns(**pair, threshold=threshold)["iou"].mean().item()
    assert of("mask", pair, *ends) == pytest.approx(at_best, rel=1e-12)
    assert of("mask", pair, *ends) > mask.columns(**pair)["iou"].mean().item()
    expected = depth.columns(**ramps())["rmse_coded"].mean().item()
    assert of("depth", ramps(), *ends) == pytest.approx(expected, rel=1e-12)
    expected = classes.columns(**mixtures(), class_names=["a", "b", "c"])["iou"].mean().item()
    assert of("mask", mixtures(), *ends) == pytest.approx(expected, rel=1e-12)


def test_one_threshold_serves_the_whole_split_not_one_each_batch():
    target = torch.zeros(2, 1, 4, 4)
    target[..., 2:] = 1
    prediction = torch.stack([0.2 + 0.2 * target[0], 0.6 + 0.2 * target[1]])
    pair = {"prediction": prediction, "target": target}
    # Each image alone is perfect at a threshold of its own; together one is perfect and the other half foreground.
    assert of("mask", {name: tensor[:1] for name, tensor in pair.items()}) == 1
    assert of("mask", {name: tensor[1:] for name, tensor in pair.items()}) == 1
    assert of("mask", pair, 1) == of("mask", pair) == pytest.approx(0.75)


def test_a_loss_that_only_moves_the_threshold_is_no_worse():
    """Weighted BCE predicts q = w p / (w p + 1 - p): the same order of pixels, so the same best mask."""
    target = blobs()["target"]
    p = 0.1 + 0.5 * target + 0.25 * blobs(seed=1)["target"]
    shifted = 9 * p / (9 * p + 1 - p)
    at_half = [mask.columns(prediction=one, target=target)["iou"].mean().item() for one in (p, shifted)]
    assert at_half[0] - at_half[1] > 0.2
    at_best = [of("mask", {"prediction": one, "target": target}) for one in (p, shifted)]
    assert at_best[0] == at_best[1] == at_half[0]


def test_images_without_valid_pixels_do_not_count():
    for head, pair in (("mask", blobs()), ("depth", ramps()), ("mask", mixtures())):
        valid = torch.ones_like(pair["target"][:, :1])
        valid[1] = 0
        rest = {name: torch.cat([tensor[:1], tensor[2:]]) for name, tensor in pair.items()}
        assert of(head, pair, 1, 2, valid=valid) == pytest.approx(of(head, rest), rel=1e-12)
        assert math.isnan(of(head, pair, valid=0 * valid))


@pytest.mark.parametrize("batch", [0, 1])
def test_a_prediction_that_is_nan_makes_it_nan(batch):
    pair = blobs()
    pair["prediction"][3 * batch, 0, 0, 0] = math.nan
    assert math.isnan(of("mask", pair, 3))
    assert math.isnan(Headline("depth").value)
