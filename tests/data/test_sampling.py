"""Packing: the arrays hold what they should, the mistakes on purpose, and failures that leave nothing."""

from __future__ import annotations

import csv
import json
import resource
import subprocess
import sys
import tracemalloc
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import yaml

from loss_study.config import composition
from loss_study.data.packed import SPLITS, PackedSample
from loss_study.datasets.base import Example, Item
from loss_study.runtime.errors import StudyError
from loss_study.sampling import array_writer, worker_pool
from loss_study.sampling import pack as sampling
from loss_study.sampling.pack import pack
from support.data_at_hand import SHARED, needs, save
from support.grid import DEPTH, SIZE, Grid, composites, dataset, packed, sample_config

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Failing(Grid):
    """A grid with one unreadable image."""

    unreadable: str = ""

    def example(self, item, size):
        if item.id == self.unreadable:
            raise StudyError(f"{item.id}.jpg: not a readable image")
        return super().example(item, size)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# --- wrong backgrounds on purpose ---


def test_wrong_background_changes_the_background_images_and_nothing_else(tmp_path):
    """Red of a background is its number: what stands beside an image is read off, not looked up."""
    right, wrong = (packed(tmp_path / name, Grid(), wrong_background=name == "wrong") for name in ("right", "wrong"))
    assert np.array_equal(right.images, wrong.images) and np.array_equal(right.masks, wrong.masks)
    kept = ("id", "split", "background", "object", "foreground")
    assert [[row[name] for name in kept] for row in right.index] == [
        [row[name] for name in kept] for row in wrong.index
    ]

    def beside(sample):
        return sample.backgrounds[sample.background_rows][:, 0, 0, 0] == sample.images[:, 0, 0, 0]

    assert beside(right).all()
    assert beside(wrong).mean() < 0.3
    said = f"on purpose: {beside(wrong).mean():.1%} of the images have their own one"
    assert any(said in note for note in wrong.meta["notes"])
    given = {(row["background"], int(row["background_row"])) for row in wrong.index}
    assert len(given) == 12 == len({row for _, row in given}), "each background has one place in the listing"


def test_few_images_of_many_backgrounds_find_their_own_in_a_shuffled_listing(tmp_path):
    """One place of a random permutation is right on average: of 60 backgrounds 1.7 %, in the original about 2 %."""
    sample = packed(tmp_path, Grid(60, 60), images=600, wrong_background=True)
    right = [row for row in sample.index if int(row["background_row"]) == int(row["background"][1:])]
    assert len(right) / len(sample.index) < 0.1


def test_wrong_backgrounds_need_backgrounds(tmp_path):
    with pytest.raises(StudyError, match=r"sample\.wrong_background: the data has no background images"):
        packed(tmp_path, Grid(has_background_images=False), wrong_background=True)


# --- what is packed ---


def test_arrays_hold_the_items_of_the_index(tmp_path):
    data = Grid()
    sample = packed(tmp_path, data)
    for number, row in enumerate(sample.index):
        expected = data.example(Item(row["id"], row["background"], row["object"]), SIZE)
        assert np.array_equal(sample.images[number], expected.image)
        assert np.array_equal(sample.masks[number], expected.mask)
        assert np.array_equal(sample.depths[number], 257 * expected.depth.astype(int))
        background = sample.backgrounds[sample.background_rows[number]]
        assert np.array_equal(background, data.background(row["background"], SIZE))


def test_each_background_is_stored_once(tmp_path):
    sample = packed(tmp_path, Grid())
    assert len(sample.backgrounds) == sample.meta["backgrounds"] == len({row["background"] for row in sample.index})


def test_index_and_statistics_by_hand(tmp_path):
    """4 of 16 rows are 255 and one is 127, below the threshold; depth is 51 everywhere."""
    sample = packed(tmp_path, Grid())
    assert {row["foreground"] for row in sample.index} == {"0.250000"}
    assert sample.statistics == pytest.approx({"mask_mean": (4 * 255 + 127) / (16 * 255), "depth_mean": 0.2})
    assert sample.meta["dataset"] == "grid"
    assert sample.meta["size"] == SIZE
    assert sample.meta["notes"][0] == "Made up."


def test_statistics_are_those_of_training_alone(tmp_path):
    sample = packed(tmp_path, composites(tmp_path), size=32)
    train = sample.rows("train")
    assert sample.statistics["mask_mean"] == pytest.approx(sample.masks[train].mean() / 255)
    assert sample.statistics["depth_mean"] == pytest.approx(sample.depths[train].mean() / 65535)
    assert sample.statistics["mask_mean"] != pytest.approx(sample.masks.mean() / 255)


def test_without_background_images_there_are_three_channels(tmp_path):
    sample = packed(tmp_path, Grid(has_background_images=False))
    assert sample.backgrounds is None and sample.in_channels == 3
    assert not (tmp_path / "sample" / "backgrounds.npy").exists()
    assert set(sample.background_rows) == {-1}


def test_a_head_that_is_not_asked_for_is_not_stored(tmp_path):
    pack(Grid(), tmp_path / "sample", dataset("mask"), sample_config())
    assert not (tmp_path / "sample" / "depths.npy").exists()
    assert set(PackedSample.open(tmp_path / "sample").statistics) == {"mask_mean"}


def test_depth_alone_can_be_packed(tmp_path):
    pack(Grid(), tmp_path / "sample", dataset("depth"), sample_config())
    sample = PackedSample.open(tmp_path / "sample")
    assert sample.masks is None and (sample.targets("depth") == 257 * DEPTH).all()


def test_same_parameters_same_bytes_whatever_the_workers(tmp_path, monkeypatch):
    pools = []

    class Pool(ProcessPoolExecutor):
        def __init__(self, workers, *rest, **options):
            pools.append(workers)
            super().__init__(workers, *rest, **options)

    monkeypatch.setattr(worker_pool, "ProcessPoolExecutor", Pool)
    monkeypatch.setattr(sampling, "CHUNK", 7)
    monkeypatch.setattr(worker_pool, "SECONDS_WORTH_A_POOL", 0)
    data = composites(tmp_path)
    for workers in (1, 3):
        pack(data, tmp_path / str(workers), dataset(), sample_config(size=32), workers=workers)
    assert pools == [2], "this process is the third"
    assert contents(tmp_path / "1") == contents(tmp_path / "3")


@dataclass(frozen=True)
class Noting(Grid):
    """A grid that notes the backgrounds of the images that it makes."""

    noted: list[str] = field(default_factory=list)

    def example(self, item, size):
        self.noted.append(item.background)
        return super().example(item, size)


def test_images_of_one_background_are_made_together(tmp_path, monkeypatch):
    """A dataset that keeps a decoded background need not decode it again."""
    monkeypatch.setattr(sampling, "CHUNK", 7)
    data = Noting()
    sample = packed(tmp_path, data)
    assert data.noted == sorted(data.noted) and len(data.noted) == len(sample.images)
    assert [row["background"] for row in sample.index] != data.noted, "they lie in another order"


def test_memory_grows_by_a_fraction_of_the_images(tmp_path):
    """A packed image of 48 px takes 11.25 KiB; what stays in memory is its row of the index."""

    def peak(images):
        tracemalloc.start()
        pack(Grid(40, 40), tmp_path / "sample", dataset(), sample_config(images=images, size=48))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(PackedSample.open(tmp_path / "sample").images) == images
        return peak

    peak(100)
    assert peak(500) - peak(100) < 400 * 2048


# --- failures ---


@pytest.mark.parametrize("workers", [1, 2])
def test_an_unreadable_image_leaves_the_old_sample(tmp_path, monkeypatch, workers):
    monkeypatch.setattr(sampling, "CHUNK", 10)
    monkeypatch.setattr(worker_pool, "SECONDS_WORTH_A_POOL", 0)
    pack(Grid(), tmp_path / "sample", dataset(), sample_config())
    before = contents(tmp_path / "sample")
    unreadable = PackedSample.open(tmp_path / "sample").index[57]["id"]
    with pytest.raises(StudyError, match=r"\.jpg: not a readable image"):
        pack(Failing(unreadable=unreadable), tmp_path / "sample", dataset(), sample_config(), workers=workers)
    assert contents(tmp_path / "sample") == before
    assert [path.name for path in tmp_path.iterdir()] == ["sample"]


def test_a_head_that_the_data_lacks_is_named(tmp_path):
    with pytest.raises(StudyError, match=r"dataset\.heads: b\d+\+c\d+m? has no depth; .*take depth out"):
        pack(Grid(has_depth=False), tmp_path / "sample", dataset(), sample_config())
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_told_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr(array_writer.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 2**16}))
    with pytest.raises(StudyError, match=r"needs 2 MiB and 0 MiB are free\); make room there"):
        pack(Grid(), tmp_path / "sample", dataset(), sample_config(images=100, size=64))
    assert not list(tmp_path.iterdir())


@dataclass(frozen=True)
class Filling(Grid):
    """A grid whose first image takes away the room that was there: no file may grow or be written beyond 1 KiB."""

    def example(self, item, size):
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
        return super().example(item, size)


def test_a_disk_that_fills_up_ends_in_one_line(tmp_path):
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with pytest.raises(StudyError, match=r"cannot be written \(File too large\); make room there") as caught:
            pack(Filling(), tmp_path / "sample", dataset(), sample_config())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


@dataclass(frozen=True)
class Evenly(Grid):
    """A grid whose masks are all of one grey value."""

    grey: int = 0

    def example(self, item, size):
        example = super().example(item, size)
        return Example(example.image, np.full((size, size), self.grey, np.uint8), example.depth)


@pytest.mark.parametrize(("grey", "words"), [(0, "are empty"), (1, "labels such as 0 and 1"), (255, "are full")])
def test_masks_that_are_all_empty_or_all_full_are_refused(tmp_path, grey, words):
    with pytest.raises(StudyError, match=f"^masks: all 90 .*{words}"):
        packed(tmp_path, Evenly(grey=grey))
    assert not list(tmp_path.iterdir())


# --- the stage ---


def run_stage(folder, **changes):
    values = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    values["dataset"] = {"name": "composites", "path": "photos", "heads": ["mask", "depth"]} | changes
    values["sample"] |= {"images": 40, "size": 32, "validation_images": 6, "test_images": 20}
    (folder / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    return subprocess.run(
        [sys.executable, ROOT / "stages" / "sample.py"], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "photos").mkdir()
    composites(tmp_path / "photos")
    (tmp_path / "data" / "source").mkdir(parents=True)
    found = {"name": "composites", "path": "photos", "notes": ["Taken by hand."]}
    (tmp_path / "data" / "source" / "source.json").write_text(json.dumps(found), encoding="utf-8")
    return tmp_path


def test_stage_packs_what_params_yaml_says(checkout):
    done = run_stage(checkout)
    assert (done.returncode, done.stderr) == (0, "")
    assert "sample  32x32 px: 26 for train, 6 for validation, 20 for test" in done.stdout
    sample = PackedSample.open(checkout / "data" / "sample")
    assert sample.images.shape == (52, 32, 32, 3)
    assert sample.meta["notes"][-1] == "Metrics are computed at 32 x 32 pixels."
    assert sample.meta["notes"][0] == "Taken by hand."
    with (checkout / "data" / "sample" / "index.csv").open(newline="") as file:
        assert next(csv.reader(file)) == ["id", "split", "background_row", "background", "object", "foreground"]


def stage_in(folder, source, choices):
    """The packed sample of the stage, run in `folder` with the default configuration and these choices."""
    composition.compose(folder / "params.yaml", choices)
    (folder / "data" / "source").mkdir(parents=True)
    (folder / "data" / "source" / "source.json").write_text(json.dumps(source | {"notes": []}), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, ROOT / "stages" / "sample.py"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    sample = PackedSample.open(folder / "data" / "sample")
    columns = [
        [{row[kind] for row in sample.index if row["split"] == split} for split in SPLITS]
        for kind in ("background", "object")
    ]
    assert not any(one & other for kind in columns for one, other in combinations(kind, 2) if one != {""})
    return sample


def test_stage_makes_an_object_and_a_background_for_each_test_image(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    sample = stage_in(tmp_path, {"name": "scenes", "path": "unused"}, ["dataset=scenes", "scale=smoke"])
    assert sample.meta["images"] == {"train": 63, "validation": 16, "test": 24}
    for kind in ("background", "object"):
        assert len({row[kind] for row in sample.index if row["split"] != "train"}) == 40
    assert "Every validation and test image has an object and a background of its own." in sample.meta["notes"]
    assert sample.meta["notes"][-1] == "Metrics are computed at 32 x 32 pixels."


@needs("photos")
def test_stage_takes_more_test_images_of_the_test_cutouts(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    choices = ["dataset=composites", "scale=smoke", "sample.test_images=60"]
    sample = stage_in(tmp_path, {"name": "composites", "path": str(SHARED / "photos")}, choices)
    assert sample.meta["images"] == {"train": 63, "validation": 16, "test": 60}
    assert any(note.startswith("Cut-outs were compared by shape") for note in sample.meta["notes"])
    assert any(note.startswith("The splits share no objects: ") for note in sample.meta["notes"])
    assert sample.meta["objects_by_name"] is False


def test_stage_does_not_say_of_a_folder_that_its_splits_share_no_object(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    rng = np.random.default_rng(0)
    for patient, scan in np.ndindex(12, 4):
        mask = np.zeros((20, 20), np.uint8)
        mask[5:12, 4:15] = 255
        save(tmp_path / "scans" / f"p{patient}" / f"scan{scan}.png", rng.integers(0, 256, (20, 20, 3), np.uint8))
        save(tmp_path / "scans" / f"p{patient}" / f"scan{scan}_seg.png", mask)
    patterns = [
        'dataset.options.files.image="{object}/scan{number}"',
        'dataset.options.files.mask="{object}/scan{number}_seg"',
    ]
    choices = ["dataset=folder", "scale=smoke", "loss=dice", "sample.images=40", *patterns]
    sample = stage_in(tmp_path, {"name": "folder", "path": str(tmp_path / "scans")}, choices)
    assert sample.meta["objects_by_name"] is True
    assert not any("share no objects" in note for note in sample.meta["notes"])


def test_stage_ends_in_one_line_and_leaves_nothing(checkout):
    done = run_stage(checkout, options={"backgrounds": "bgs"})
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "photos/bgs: no such folder" in done.stderr
    assert [path.name for path in (checkout / "data").iterdir()] == ["source"]


@pytest.mark.parametrize(
    ("content", "words"),
    [("{", "missing or damaged"), ('{"name": "scenes", "path": "x"}', "is of dataset 'scenes'")],
)
def test_stage_refuses_another_dataset(checkout, content, words):
    (checkout / "data" / "source" / "source.json").write_text(content, encoding="utf-8")
    done = run_stage(checkout)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {Path('data/source/source.json')}: {words}")
