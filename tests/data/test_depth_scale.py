"""Depth with 16 bits: metres by hand, round trips through the packed sample, and 8 bits without loss."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from loss_study.config import Augmentation
from loss_study.data.batches import Batches
from loss_study.data.depth_scale import DepthScale, eight_bits, to_stored, widened
from loss_study.data.packed import PackedSample
from loss_study.datasets import scenes
from loss_study.datasets.reading.images import read_depth
from loss_study.runtime.errors import StudyError
from loss_study.sampling.pack import pack
from support.grid import Grid, dataset, sample_config
from support.samples import write_sample

SCALE = DepthScale(halfway_m=9.0, farthest_m=80.0)


def test_metres_are_coded_as_documented():
    assert SCALE.encode(np.array([0.0, 3.0, 9.0, 27.0])).tolist() == [0, 0.25, 0.5, 0.75]
    assert SCALE.encode(np.array([80.0, 81.0, np.inf])).tolist() == [80 / 89] * 3
    assert to_stored(np.array([0.0, 0.25, 0.5, 1.0])).tolist() == [0, 16384, 32768, 65535]


def test_decoding_is_the_inverse_within_the_range():
    depth_m = np.geomspace(0.001, 80, 1000)
    assert SCALE.decode(SCALE.encode(depth_m)) == pytest.approx(depth_m, rel=1e-12)
    stored = SCALE.decode(to_stored(SCALE.encode(depth_m)) / 65535)
    near = depth_m > 0.1
    # Half a step of 1/65535 is h / (1 - code)^2 / 131070 metres.
    assert stored[near] == pytest.approx(depth_m[near], rel=1e-3)
    eight = SCALE.decode(np.rint(255 * SCALE.encode(depth_m)) / 255)
    assert np.abs(eight - depth_m).max() > 1, "what 8 bits lose"
    assert SCALE.decode(torch.tensor([0.0, 1.0], dtype=torch.float64)).tolist() == pytest.approx([0.001, 80])


def test_eight_bits_are_widened_without_loss():
    grey = np.arange(256, dtype=np.uint8)
    assert (widened(grey) / 65535 == grey / 255).all()
    assert np.array_equal(eight_bits(widened(grey)), grey)
    assert np.array_equal(widened(widened(grey)), widened(grey))


@pytest.mark.parametrize("size", [16, 24])
def test_a_file_of_16_bits_keeps_them(tmp_path, size):
    depth = np.random.default_rng(0).integers(0, 65536, (24, 24), dtype=np.uint16)
    Image.fromarray(depth).save(tmp_path / "depth.png")
    read = read_depth(tmp_path / "depth.png", size)
    assert read.dtype == np.uint16 and read.shape == (size, size)
    if size == 24:
        assert np.array_equal(read, depth)
    assert (read % 257 != 0).mean() > 0.9


def test_a_file_of_8_bits_is_scaled_and_averaged_between_its_steps(tmp_path):
    grey = np.tile(np.array([10, 11], np.uint8), (8, 4))
    Image.fromarray(grey).save(tmp_path / "depth.png")
    assert np.array_equal(read_depth(tmp_path / "depth.png", 8), grey.astype(int) * 257)
    halved = read_depth(tmp_path / "depth.png", 4)[:, 1:-1]
    assert ((halved > 10 * 257) & (halved < 11 * 257)).all()


@pytest.mark.parametrize(
    "augmentation",
    [None, Augmentation(flip=1.0), Augmentation(flip=0.0, crop=0.5), Augmentation(flip=0.0, rotation=9)],
)
def test_a_batch_has_the_stored_values_whatever_the_augmentation(tmp_path, augmentation):
    sample = PackedSample.open(write_sample(tmp_path / "sample"))
    depths = np.load(sample.folder / "depths.npy")
    depths[:] = np.random.default_rng(0).integers(0, 65536, depths.shape)
    np.save(sample.folder / "depths.npy", depths)
    batches = Batches(PackedSample.open(sample.folder), "validation", ["depth"], 3, torch.device("cpu"))
    target = torch.cat([batch.targets["depth"].values for batch in batches.in_order(augmentation)])
    rows = sample.rows("validation")
    assert target.dtype == torch.float32 and target.shape == (len(rows), 1, 32, 32)
    stored = (target[:, 0].double() * 65535).round().numpy()
    for image, row in zip(stored, rows, strict=True):
        assert np.isin(image, depths[row]).all()
    if augmentation is None:
        assert np.array_equal(stored, depths[rows])
    if augmentation == Augmentation(flip=1.0):
        assert np.array_equal(stored, depths[rows][:, :, ::-1])


class Measured(Grid):
    """Knows metres."""

    depth_scale = SCALE


def test_the_sample_says_what_depth_is_measured_in(tmp_path):
    pack(Measured(), tmp_path / "metres", dataset("depth"), sample_config())
    pack(Grid(), tmp_path / "relative", dataset("depth"), sample_config())
    metres, relative = PackedSample.open(tmp_path / "metres"), PackedSample.open(tmp_path / "relative")
    assert metres.meta["depth"] == {"unit": "m", "halfway_m": 9.0, "farthest_m": 80.0}
    assert metres.depth_scale == SCALE and relative.depth_scale is None
    assert relative.meta["depth"] == {"unit": ""}
    assert metres.depths.dtype == np.uint16
    assert metres.statistics["depth_mean"] == pytest.approx(metres.depths[metres.rows("train")].mean() / 65535)


def test_scenes_know_metres():
    assert scenes.open_dataset(Path()).depth_scale == SCALE


def test_a_sample_of_the_old_format_is_to_be_made_again(tmp_path):
    folder = write_sample(tmp_path / "sample")
    meta = json.loads((folder / "sample.json").read_text())
    (folder / "sample.json").write_text(json.dumps(meta | {"format": 3}))
    with pytest.raises(StudyError, match=r"has format 3, but format 4 is needed; run 'dvc repro -f sample'"):
        PackedSample.open(folder)
    (folder / "sample.json").write_text(json.dumps(meta))
    np.save(folder / "depths.npy", np.load(folder / "depths.npy").astype(np.uint8))
    with pytest.raises(StudyError, match="depths is uint8"):
        PackedSample.open(folder)
