"""The default dataset: its images have the promised properties and depend only on seed and id."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from loss_study import datasets
from loss_study.datasets import scenes
from loss_study.datasets.scenes import Scenes, open_dataset
from loss_study.runtime.errors import StudyError
from loss_study.scenes.render import render

SIZE = 64
PATH = Path("unused")


@pytest.fixture(scope="module")
def many() -> dict[str, np.ndarray]:
    """180 items as arrays: images, backgrounds, masks, depths."""
    source = open_dataset(PATH)
    items = source.draw(None, None, 180, np.random.default_rng(11))
    examples = [source.example(item, SIZE) for item in items]
    bare = {name: source.background(name, SIZE) for name in {item.background for item in items}}
    return {
        "images": np.stack([example.image for example in examples]),
        "backgrounds": np.stack([bare[item.background] for item in items]),
        "masks": np.stack([example.mask for example in examples]),
        "depths": np.stack([example.depth for example in examples]),
    }


def test_foreground_share_is_that_of_the_original_data_and_varies_widely(many):
    share = (many["masks"] / 255).mean(axis=(1, 2))
    assert 0.07 < share.mean() < 0.10
    assert share.min() > 0
    low, high = np.quantile(share, [0.1, 0.9])
    assert high > 4 * low


def test_depth_is_never_zero_and_has_the_mean_of_the_original_data(many):
    depth = many["depths"]
    assert depth.min() > 0
    assert 0.34 < depth.mean() / 65535 < 0.44
    assert len(np.unique(depth)) > 10_000, "more than 8 bits"


def test_edges_of_the_mask_are_soft_and_few(many):
    soft = ((many["masks"] > 0) & (many["masks"] < 255)).mean(axis=(1, 2))
    assert (soft > 0).all()
    assert 0.005 < soft.mean() < 0.03


def best_subtraction_iou(difference: np.ndarray, mask: np.ndarray) -> float:
    """Mean IoU of ``difference > t`` with the mask, at the best t."""

    def mean_iou(threshold: int) -> float:
        found = difference > threshold
        return ((found & mask).sum(axis=(1, 2)) / (found | mask).sum(axis=(1, 2))).mean()

    return max(mean_iou(threshold) for threshold in range(0, 200, 4))


def test_subtracting_the_background_does_not_find_the_object(many):
    mask = many["masks"] >= 128
    difference = np.abs(many["images"].astype(int) - many["backgrounds"])
    assert best_subtraction_iou(100 * mask, mask) == 1
    assert best_subtraction_iou(difference.max(axis=-1), mask) < 0.45
    assert best_subtraction_iou(difference.mean(axis=-1), mask) < 0.45


def test_images_use_the_range_without_clipping(many):
    images = many["images"]
    assert 90 < images.mean() < 170
    assert images.std(axis=(1, 2, 3)).min() > 10
    assert np.isin(images, (0, 255)).mean() < 0.05


@pytest.mark.parametrize("size", [16, 64, 112])
def test_arrays_have_the_size_and_type_asked_for(size):
    source = open_dataset(PATH)
    item = source.draw(None, None, 1, np.random.default_rng(0))[0]
    example, background = source.example(item, size), source.background(item.background, size)
    assert example.image.shape == background.shape == (size, size, 3)
    assert example.mask.shape == example.depth.shape == (size, size)
    assert {array.dtype for array in (example.image, example.mask, background)} == {np.dtype(np.uint8)}
    assert example.depth.dtype == np.uint16


def test_the_size_does_not_change_the_scene():
    source = open_dataset(PATH)
    for item in source.draw(None, None, 8, np.random.default_rng(2)):
        small, large = source.example(item, 48).mask, source.example(item, 96).mask
        pooled = large.reshape(48, 2, 48, 2).mean(axis=(1, 3))
        assert np.abs(pooled - small).mean() < 0.15 * small.mean()


def digests(source: Scenes, numbers: list[int]) -> dict[str, str]:
    """Digest of all arrays of some items, made in the order given."""
    items = source.draw(None, None, 4, np.random.default_rng(5))
    found = {}
    for number in numbers:
        item = items[number]
        example = source.example(item, 32)
        arrays = (example.image, example.mask, example.depth, source.background(item.background, 32))
        found[item.id] = hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()
    return found


def test_the_same_item_is_the_same_in_another_process_and_order():
    program = "import test_scenes as t; print(t.json.dumps(t.digests(t.open_dataset(t.PATH), [3, 1, 0, 2])))"
    tests = Path(__file__).parents[1]
    environment = {"PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join([str(tests / "datasets"), *sys.path])}
    command = [sys.executable, "-c", program]
    printed = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    here = digests(pickle.loads(pickle.dumps(open_dataset(PATH))), [0, 1, 2, 3])
    assert here == json.loads(printed)
    assert len(set(here.values())) == 4


def test_another_seed_gives_other_images():
    first, second = digests(open_dataset(PATH, seed=0), [0, 1]), digests(open_dataset(PATH, seed=1), [0, 1])
    assert first.keys() == second.keys()
    assert not set(first.values()) & set(second.values())


def test_draw_gives_distinct_items_of_the_identities_asked_for():
    source = open_dataset(PATH, backgrounds=30, objects=40, placements=5)
    assert (len(source.backgrounds), len(source.objects)) == (30, 40)
    assert list(source.backgrounds) == sorted(source.backgrounds)
    items = source.draw(["b003", "b017"], ["c005"], 8, np.random.default_rng(0))
    assert len({item.id for item in items}) == 8
    assert {item.background for item in items} <= {"b003", "b017"}
    assert {item.object for item in items} == {"c005"}
    assert all(item.id.startswith(f"scene-{item.background}-{item.object}-p0") for item in items)


def test_draw_gives_all_items_where_more_are_asked_for():
    source = open_dataset(PATH, backgrounds=3, objects=4, placements=5)
    items = source.draw(None, None, 1000, np.random.default_rng(0))
    assert len(items) == len({item.id for item in items}) == 60


def test_draw_depends_on_its_generator_alone():
    source = open_dataset(PATH)
    first, again, other = (source.draw(None, None, 50, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first == again != other


def test_a_pair_is_placed_anew_each_time():
    source = open_dataset(PATH)
    items = source.draw(["b001"], ["c002"], 4, np.random.default_rng(0))
    masks = [source.example(item, 32).mask for item in items]
    assert all((masks[0] != mask).any() for mask in masks[1:])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backgrounds": 0}, r"dataset\.options\.backgrounds: .*greater than or equal to 1; got 0"),
        ({"subject": 5}, r"dataset\.options\.subject: no such key; did you mean 'objects'"),
        ({"seed": "x"}, r"dataset\.options\.seed: .*integer"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(StudyError, match=message):
        datasets.open_dataset("scenes", PATH, options)


def test_depth_is_that_of_the_renderer_to_a_ten_thousandth(monkeypatch):
    """Stored depth decoded is what the rays met, the sky at the end of the scale."""
    source, rendered = open_dataset(PATH), []
    monkeypatch.setattr(scenes, "render", lambda *arguments: rendered.append(render(*arguments)) or rendered[-1])
    item = source.draw(None, None, 1, np.random.default_rng(3))[0]
    stored = source.example(item, SIZE).depth
    depth_m = rendered[0][2]
    assert source.depth_scale.decode(stored / 65535) == pytest.approx(depth_m, rel=1e-3)
    near = depth_m < 10
    assert source.depth_scale.decode(stored[near] / 65535) == pytest.approx(depth_m[near], rel=1e-4)
