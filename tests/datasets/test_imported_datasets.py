"""Datasets by import path: what items may be, splits, groups, and the packed sample that they end in."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from loss_study import datasets
from loss_study.config import DatasetConfig, SampleConfig
from loss_study.data.packed import PackedSample
from loss_study.datasets.base import HasSplits
from loss_study.datasets.indexed import arrays
from loss_study.datasets.indexed.indexed_dataset import ALL, IndexedDataset
from loss_study.runtime.errors import StudyError
from loss_study.sampling.pack import pack
from support import their_things

THEIRS = "support.their_things."
SAMPLE = SampleConfig(images=30, size=16, validation=0.2, test=0.2, seed=0)


def config(name, heads=("mask",), **options):
    options = {"_target_": THEIRS + name, **options}
    return DatasetConfig(name="imported", path="somewhere", heads=list(heads), options=options)


def packed(tmp_path, name, heads=("mask",), **options):
    chosen = config(name, heads, **options)
    pack(datasets.open_chosen(chosen, Path("somewhere")), tmp_path / "sample", chosen, SAMPLE)
    return PackedSample.open(tmp_path / "sample")


def test_items_are_packed_and_groups_stay_together(tmp_path):
    sample = packed(tmp_path, "Discs", size=16)
    source = their_things.Discs(size=16)
    assert len(sample.images) == 30 and sample.in_channels == 3
    for row in (0, 7, 29):
        image, mask = source[int(sample.index[row]["id"].rpartition("-")[2])]
        assert np.array_equal(sample.images[row], (255 * image).round().byte().movedim(0, 2).numpy())
        assert np.array_equal(sample.masks[row], 255 * mask[0].byte().numpy())
    groups = [{row["object"] for row in sample.index if row["split"] == split} for split in ("train", "test")]
    assert groups[0] and not groups[0] & groups[1]
    assert "support.their_things.Discs: 40 images." in sample.meta["notes"]


def test_a_class_that_takes_a_split_is_made_for_each(tmp_path):
    dataset = datasets.open_chosen(config("InSplits"), Path("somewhere"))
    assert isinstance(dataset, HasSplits) and list(dataset.own_splits) == ["train", "validation", "test"]
    sample = packed(tmp_path, "InSplits")
    assert all(row["id"].startswith(row["split"]) for row in sample.index)


def test_both_heads_from_a_mapping(tmp_path):
    sample = packed(tmp_path, "WithDepth", ("mask", "depth"))
    assert sample.depths.shape == (30, 16, 16) and set(np.unique(sample.masks)) >= {0, 255}
    assert sample.depths[0, 0].max() < 2000 and sample.depths[0, -1].min() > 63000


def test_it_is_opened_again_in_a_worker_process():
    import pickle

    dataset = datasets.open_chosen(config("Discs"), Path("somewhere"))
    again = pickle.loads(pickle.dumps(dataset))
    item = dataset.draw(None, None, 3, np.random.default_rng(0))[0]
    assert np.array_equal(again.example(item, 16).image, dataset.example(item, 16).image)


def image(kind):
    rgb = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    return {
        "bytes (H, W, 3)": rgb,
        "bytes (3, H, W)": torch.from_numpy(rgb).movedim(2, 0),
        "float (3, H, W)": torch.from_numpy(rgb).movedim(2, 0) / 255,
        "int64": torch.from_numpy(rgb).long(),
        "Pillow": Image.fromarray(rgb),
    }[kind]


@pytest.mark.parametrize("kind", ["bytes (3, H, W)", "float (3, H, W)", "int64", "Pillow"])
def test_images_of_any_kind_are_the_same(kind):
    mask = np.zeros((4, 6), bool)
    expected = arrays.example((image("bytes (H, W, 3)"), mask), ["mask"], 1, 4).image
    assert np.array_equal(arrays.example((image(kind), mask), ["mask"], 1, 4).image, expected)


@pytest.mark.parametrize(
    "mask",
    [
        np.eye(4, dtype=bool),
        np.eye(4, dtype=np.int64),
        np.eye(4, dtype=np.uint8) * 255,
        torch.eye(4)[None],
        torch.eye(4).byte()[..., None],
    ],
)
def test_masks_of_any_kind_are_the_same(mask):
    found = arrays.example({"image": np.zeros((4, 4), np.uint8), "mask": mask}, ["mask"], 1, 4)
    assert np.array_equal(found.mask, 255 * np.eye(4, dtype=np.uint8))


def test_what_invalid_pixels_hold_is_neither_checked_nor_averaged():
    valid = np.ones((64, 64), bool)
    valid[:, ::4] = False
    picture = np.zeros((64, 64), np.uint8)
    for hole in (0.0, np.nan, 7.0):
        depth = np.where(valid, np.float32(0.8), np.float32(hole))
        found = arrays.example({"image": picture, "depth": depth, "depth_valid": valid}, ["depth"], 1, 16)
        assert np.unique(found.depth[found.depth_valid]).tolist() == [round(0.8 * 65535)]
    mask = np.where(valid, 1, 255).astype(np.uint8)
    for classes, expected in ((1, 255), (2, 1)):
        item = {"image": picture, "mask": mask, "mask_valid": valid}
        found = arrays.example(item, ["mask"], classes, 16)
        assert np.unique(found.mask[found.mask_valid]).tolist() == [expected]
    with pytest.raises(ValueError, match=r"the mask_valid has shape \(2, 64\), its mask \(64, 64\)"):
        arrays.example(item | {"mask_valid": valid[:2]}, ["mask"], 1, 16)


def test_classes_and_invalid_pixels():
    numbers = np.array([[0, 1], [2, 2]])
    valid = np.array([[True, False], [True, True]])
    found = arrays.example({"image": np.zeros((2, 2)), "mask": numbers, "mask_valid": valid}, ["mask"], 3, 2)
    assert np.array_equal(found.mask[valid], numbers[valid]) and np.array_equal(found.mask_valid, valid)


@pytest.mark.parametrize(
    ("item", "classes", "message"),
    [
        (np.zeros((4, 4)), 1, r"an item is a ndarray, not \(image, mask\) or a dict of these"),
        ((np.zeros((4, 4)),), 1, r"an item is a tuple of 1"),
        ({"image": np.zeros((4, 4)), "target": 1}, 1, r"an item has no 'mask'; it has image, target"),
        ((np.full((4, 4), -2.0), np.zeros((4, 4))), 1, r"the image is float64 from -2 to -2; .* without normalisation"),
        ((np.zeros((4, 4, 4, 4)), np.zeros((4, 4))), 1, r"the image has shape \(4, 4, 4, 4\)"),
        ((np.zeros((4, 4)), np.zeros((2, 4, 4))), 1, r"the mask has shape \(2, 4, 4\)"),
        ((np.zeros((4, 4)), np.full((4, 4), 3)), 3, r"the mask holds 3 to 3, but there are 3 classes"),
        ((np.zeros((4, 4)), np.zeros((4, 4))), 3, r"the mask of 3 classes is float64"),
        ((np.zeros((4, 4)), "a.png"), 1, r"an item holds a str, not numbers"),
    ],
)
def test_an_item_that_is_something_else_is_named(item, classes, message):
    with pytest.raises(ValueError, match=message):
        arrays.example(item, ["mask"], classes, 4)


def test_errors_name_somebodys_class_and_the_item(tmp_path):
    with pytest.raises(StudyError, match=r"support.their_things.Normalised: item \d+ of all: ValueError: the image is"):
        packed(tmp_path, "Normalised")
    with pytest.raises(StudyError, match="has no 'Disks': did you mean 'Discs'"):
        datasets.check("imported", {"_target_": THEIRS + "Disks"})
    for parts, message in [({"training": []}, "has the parts training"), ({ALL: 3}, "all is a int, without a length")]:
        with pytest.raises(StudyError, match=message):
            IndexedDataset(partial(dict, parts), "Mine", ["mask"])
