"""The packed subset: splits that share nothing, arrays that hold what they should, failures that leave nothing."""

from __future__ import annotations

import csv
import json
import resource
import subprocess
import sys
import tracemalloc
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from loss_study import datasets
from loss_study.config import DatasetConfig, SampleConfig
from loss_study.data import array_writer, sampling, worker_pool
from loss_study.data.packed import SPLITS, PackedSample
from loss_study.data.sampling import pack
from loss_study.data.splitting import draw_splits
from loss_study.datasets.base import Example, Item
from loss_study.runtime.errors import StudyError
from support.samples import write_sample

ROOT = Path(__file__).parents[2]
SIZE = 16
#: Red of an image is its background's number, green its object's; its mask covers this many of the rows.
MASK_ROWS = 4
DEPTH = 51


@dataclass(frozen=True)
class Grid:
    """A finite dataset: each background with each object and its mirror image, once."""

    background_count: int = 12
    object_count: int = 12
    knows_backgrounds: bool = True
    knows_objects: bool = True
    has_background_images: bool = True
    has_depth: bool = True
    notes: tuple[str, ...] = ("Made up.",)

    @property
    def backgrounds(self):
        return [f"b{number:03d}" for number in range(self.background_count)] if self.knows_backgrounds else None

    @property
    def objects(self):
        return [f"c{number:03d}" for number in range(self.object_count)] if self.knows_objects else None

    def draw(self, backgrounds, objects, count, rng):
        candidates = [
            item
            for item in self.items()
            if (backgrounds is None or item.background in backgrounds) and (objects is None or item.object in objects)
        ]
        return [candidates[number] for number in rng.permutation(len(candidates))[:count]]

    def items(self):
        for background, subject, mirror in product(range(self.background_count), range(self.object_count), ("", "m")):
            yield Item(
                f"b{background:03d}+c{subject:03d}{mirror}",
                f"b{background:03d}" if self.knows_backgrounds else None,
                f"c{subject:03d}" if self.knows_objects else None,
            )

    def background(self, name, size):
        return np.full((size, size, 3), int(name[1:]), np.uint8)

    def example(self, item, size):
        image = np.zeros((size, size, 3), np.uint8)
        image[..., 0], image[..., 1] = int(item.id[1:4]), int(item.id[6:9])
        mask = np.zeros((size, size), np.uint8)
        mask[:MASK_ROWS] = 255
        mask[MASK_ROWS] = 127
        return Example(image, mask, np.full((size, size), DEPTH, np.uint8) if self.has_depth else None)


@dataclass(frozen=True)
class Failing(Grid):
    """A grid with one unreadable image."""

    unreadable: str = ""

    def example(self, item, size):
        if item.id == self.unreadable:
            raise StudyError(f"{item.id}.jpg: not a readable image")
        return super().example(item, size)


def dataset(*heads):
    return DatasetConfig(name="grid", path="x", heads=list(heads or ("mask", "depth")))


def parameters(images=100, size=SIZE, seed=0, validation=0.15, test=0.2, **mistakes):
    return SampleConfig(images=images, size=size, validation=validation, test=test, seed=seed, **mistakes)


def packed(folder, source, **options):
    pack(source, folder / "sample", dataset(), parameters(**options))
    return PackedSample.open(folder / "sample")


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def composites(folder, count=8):
    rng = np.random.default_rng(0)
    for kind, channels in (("bg", 3), ("fg", 4)):
        (folder / kind).mkdir()
        for number in range(count):
            values = rng.integers(0, 256, (20, 20, channels), dtype=np.uint8)
            values[5:15, 5:15, 3:] = 255
            Image.fromarray(values).save(folder / kind / f"{kind}_{number}.png")
    return datasets.open_dataset("composites", folder, {})


def shared(sample, column):
    """The values of `column` that stand in more than one split."""
    of_split = {split: {row[column] for row in sample.index if row["split"] == split} for split in SPLITS}
    assert all(of_split.values())
    return set().union(*(of_split[one] & of_split[other] for one, other in combinations(SPLITS, 2)))


# --- the splits ---


def test_no_split_shares_a_background_or_object(tmp_path):
    sample = packed(tmp_path, Grid())
    assert shared(sample, "background") == shared(sample, "object") == set()


def test_the_pictures_themselves_share_nothing(tmp_path):
    """The index might err: the images' own colours tell which background and object they show."""
    sample = packed(tmp_path, Grid())
    for channel in (0, 1):
        of_split = [set(sample.images[sample.rows(split), 0, 0, channel]) for split in SPLITS]
        assert all(of_split)
        assert not any(one & other for one, other in combinations(of_split, 2))


def test_a_mirror_image_stays_with_its_object(tmp_path):
    sample = packed(tmp_path, Grid())
    mirrored = {row["object"] for row in sample.index if row["id"].endswith("m")}
    plain = {row["object"] for row in sample.index if not row["id"].endswith("m")}
    assert len(mirrored & plain) >= 6
    assert shared(sample, "object") == set()


def test_composites_share_no_file_between_splits(tmp_path):
    sample = packed(tmp_path, composites(tmp_path), size=32)
    assert len({row["id"] for row in sample.index}) == 100
    assert any(row["id"].endswith("m") for row in sample.index)
    assert shared(sample, "background") == shared(sample, "object") == set()


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(
    backgrounds=st.integers(3, 15),
    objects=st.integers(3, 15),
    images=st.integers(12, 300),
    validation=st.floats(0.1, 0.4),
    test=st.floats(0.1, 0.4),
    seed=st.integers(0, 10),
)
def test_splits_never_share_and_never_repeat(backgrounds, objects, images, validation, test, seed):
    splits, _ = draw_splits(Grid(backgrounds, objects), images, validation, test, seed)
    every = [item.id for items in splits.values() for item in items]
    assert len(set(every)) == len(every) <= images
    for one, other in combinations(splits.values(), 2):
        assert not {item.background for item in one} & {item.background for item in other}
        assert not {item.object for item in one} & {item.object for item in other}


def test_unknown_objects_are_split_by_background_and_said(tmp_path):
    sample = packed(tmp_path, Grid(knows_objects=False))
    assert shared(sample, "background") == set()
    assert sample.meta["objects"] is None
    assert any("objects are not known" in note for note in sample.meta["notes"])


def test_unknown_backgrounds_are_split_by_object_and_said(tmp_path):
    sample = packed(tmp_path, Grid(knows_backgrounds=False, has_background_images=False))
    assert shared(sample, "object") == set()
    assert any("backgrounds are not known" in note for note in sample.meta["notes"])


def test_with_nothing_known_no_picture_is_shared_and_it_is_said(tmp_path):
    source = Grid(knows_backgrounds=False, knows_objects=False, has_background_images=False)
    sample = packed(tmp_path, source)
    assert len({row["id"] for row in sample.index}) == 100
    assert sample.meta["images"] == {"train": 65, "validation": 15, "test": 20}
    assert any("Neither backgrounds nor objects are known" in note for note in sample.meta["notes"])


@dataclass(frozen=True)
class Ordered(Grid):
    """A grid that draws at random and hands over in order."""

    def draw(self, backgrounds, objects, count, rng):
        return sorted(super().draw(backgrounds, objects, count, rng), key=lambda item: item.id)


def test_the_order_of_a_draw_does_not_decide_the_split():
    splits, _ = draw_splits(Ordered(knows_backgrounds=False, knows_objects=False), 288, 0.25, 0.25, 0)
    for items in splits.values():
        assert len({item.id[:4] for item in items}) >= 10


@dataclass(frozen=True)
class Poor(Ordered):
    """An ordered grid with three images on any three backgrounds."""

    def draw(self, backgrounds, objects, count, rng):
        return super().draw(backgrounds, objects, 3 if len(backgrounds) == 3 else count, rng)


def test_too_few_pictures_are_thinned_at_random():
    """Validation has 3 of the 15 images it wants, so training keeps 13 of 65: not those of its first backgrounds."""
    splits, _ = draw_splits(Poor(20, knows_objects=False), 100, 0.15, 0.2, 0)
    assert [len(splits[split]) for split in SPLITS] == [13, 3, 4]
    assert len({item.background for item in splits["train"]}) >= 6


def test_shares_of_images_and_identities():
    splits, notes = draw_splits(Grid(40, 20), 100, 0.15, 0.2, 0)
    assert {split: len(items) for split, items in splits.items()} == {"train": 65, "validation": 15, "test": 20}
    assert "The splits share no backgrounds: 26 are for training, 6 for validation, 8 for the test." in notes
    assert "The splits share no objects: 13 are for training, 3 for validation, 4 for the test." in notes


def test_too_few_pictures_keep_the_proportions():
    """20 x 20 pairs and mirror images, 800 asked for: with 10, 5 and 5 identities 200, 50 and 50 are left of a split.

    Wanted are 520, 120 and 160: the test reaches 50 / 160 of its number, and so do the others.
    """
    splits, notes = draw_splits(Grid(20, 20), 800, 0.15, 0.2, 0)
    assert {split: len(items) for split, items in splits.items()} == {"train": 162, "validation": 38, "test": 50}
    assert "800 images were requested; 250 could be drawn in the proportions of the splits." in notes


def test_three_of_each_are_enough():
    splits, _ = draw_splits(Grid(3, 3), 20, 0.15, 0.2, 0)
    assert {split: len(items) for split, items in splits.items()} == {"train": 2, "validation": 1, "test": 1}


@pytest.mark.parametrize(("source", "kind"), [(Grid(2, 9), "backgrounds"), (Grid(9, 2), "objects")])
def test_two_are_too_few(source, kind):
    with pytest.raises(StudyError, match=rf"2 {kind}, but .* at least 3"):
        draw_splits(source, 20, 0.15, 0.2, 0)


def test_an_empty_split_is_an_error():
    with pytest.raises(StudyError, match=r"no image is left for the split 'validation'; .*sample\.validation"):
        draw_splits(Grid(), 12, 0.01, 0.2, 0)


def test_another_seed_is_another_subset_and_split():
    first, second = (draw_splits(Grid(), 60, 0.15, 0.2, seed)[0] for seed in (0, 1))
    assert {item.object for item in first["test"]} != {item.object for item in second["test"]}


# --- the mistakes of the original study ---


def test_split_by_order_shares_backgrounds_and_objects_and_says_so(tmp_path):
    sample = packed(tmp_path, Grid(), split="order")
    assert len(shared(sample, "background")) >= 10 and len(shared(sample, "object")) >= 10
    assert len({row["id"] for row in sample.index}) == 100, "no image is shared"
    assert sample.meta["images"] == {"train": 65, "validation": 15, "test": 20}
    assert any("by the order of a listing" in note for note in sample.meta["notes"])


def test_wrong_background_changes_the_background_pictures_and_nothing_else(tmp_path):
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
    assert f"on purpose: {beside(wrong).mean():.1%} of the images have their own one" in wrong.meta["notes"][-1]
    given = {(row["background"], int(row["background_row"])) for row in wrong.index}
    assert len(given) == 12 == len({row for _, row in given}), "each background has one place in the listing"


def test_few_pictures_of_many_backgrounds_find_their_own_in_a_shuffled_listing(tmp_path):
    """One place of a random permutation is right on average: of 60 backgrounds 1.7 %, in the original about 2 %."""
    sample = packed(tmp_path, Grid(60, 60), images=600, wrong_background=True)
    right = [row for row in sample.index if int(row["background_row"]) == int(row["background"][1:])]
    assert len(right) / len(sample.index) < 0.1


def test_wrong_backgrounds_need_backgrounds(tmp_path):
    with pytest.raises(StudyError, match=r"sample\.wrong_background: the data has no background images"):
        packed(tmp_path, Grid(has_background_images=False), wrong_background=True)


# --- what is packed ---


def test_arrays_hold_the_items_of_the_index(tmp_path):
    source = Grid()
    sample = packed(tmp_path, source)
    for number, row in enumerate(sample.index):
        expected = source.example(Item(row["id"], row["background"], row["object"]), SIZE)
        assert np.array_equal(sample.images[number], expected.image)
        assert np.array_equal(sample.masks[number], expected.mask)
        assert np.array_equal(sample.depths[number], expected.depth)
        background = sample.backgrounds[sample.background_rows[number]]
        assert np.array_equal(background, source.background(row["background"], SIZE))


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
    assert sample.statistics["depth_mean"] == pytest.approx(sample.depths[train].mean() / 255)
    assert sample.statistics["mask_mean"] != pytest.approx(sample.masks.mean() / 255)


def test_without_background_pictures_there_are_three_channels(tmp_path):
    sample = packed(tmp_path, Grid(has_background_images=False))
    assert sample.backgrounds is None and sample.in_channels == 3
    assert not (tmp_path / "sample" / "backgrounds.npy").exists()
    assert set(sample.background_rows) == {-1}


def test_a_head_that_is_not_asked_for_is_not_stored(tmp_path):
    pack(Grid(), tmp_path / "sample", dataset("mask"), parameters())
    assert not (tmp_path / "sample" / "depths.npy").exists()
    assert set(PackedSample.open(tmp_path / "sample").statistics) == {"mask_mean"}


def test_depth_alone_can_be_packed(tmp_path):
    pack(Grid(), tmp_path / "sample", dataset("depth"), parameters())
    sample = PackedSample.open(tmp_path / "sample")
    assert sample.masks is None and (sample.targets("depth") == DEPTH).all()


def test_same_parameters_same_bytes_whatever_the_workers(tmp_path, monkeypatch):
    pools = []

    class Pool(ProcessPoolExecutor):
        def __init__(self, workers, *rest, **options):
            pools.append(workers)
            super().__init__(workers, *rest, **options)

    monkeypatch.setattr(worker_pool, "ProcessPoolExecutor", Pool)
    monkeypatch.setattr(sampling, "CHUNK", 7)
    monkeypatch.setattr(worker_pool, "SECONDS_WORTH_A_POOL", 0)
    source = composites(tmp_path)
    for workers in (1, 3):
        pack(source, tmp_path / str(workers), dataset(), parameters(size=32), workers=workers)
    assert pools == [2], "this process is the third"
    assert contents(tmp_path / "1") == contents(tmp_path / "3")


@dataclass(frozen=True)
class Noting(Grid):
    """A grid that notes the backgrounds of the images that it makes."""

    noted: list[str] = field(default_factory=list)

    def example(self, item, size):
        self.noted.append(item.background)
        return super().example(item, size)


def test_pictures_of_one_background_are_made_together(tmp_path, monkeypatch):
    """A source that keeps what a background takes need not make it twice."""
    monkeypatch.setattr(sampling, "CHUNK", 7)
    source = Noting()
    sample = packed(tmp_path, source)
    assert source.noted == sorted(source.noted) and len(source.noted) == len(sample.images)
    assert [row["background"] for row in sample.index] != source.noted, "they lie in another order"


def test_memory_grows_by_a_fraction_of_the_pictures(tmp_path):
    """A packed image of 48 px takes 11.25 KiB; what stays in memory is its row of the index."""

    def peak(images):
        tracemalloc.start()
        pack(Grid(40, 40), tmp_path / "sample", dataset(), parameters(images=images, size=48))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(PackedSample.open(tmp_path / "sample").images) == images
        return peak

    peak(100)
    assert peak(500) - peak(100) < 400 * 2048


# --- failures ---


@pytest.mark.parametrize("workers", [1, 2])
def test_an_unreadable_picture_leaves_the_old_sample(tmp_path, monkeypatch, workers):
    monkeypatch.setattr(sampling, "CHUNK", 10)
    monkeypatch.setattr(worker_pool, "SECONDS_WORTH_A_POOL", 0)
    pack(Grid(), tmp_path / "sample", dataset(), parameters())
    before = contents(tmp_path / "sample")
    unreadable = PackedSample.open(tmp_path / "sample").index[57]["id"]
    with pytest.raises(StudyError, match=r"\.jpg: not a readable image"):
        pack(Failing(unreadable=unreadable), tmp_path / "sample", dataset(), parameters(), workers=workers)
    assert contents(tmp_path / "sample") == before
    assert [path.name for path in tmp_path.iterdir()] == ["sample"]


def test_a_head_that_the_data_lacks_is_named(tmp_path):
    with pytest.raises(StudyError, match=r"dataset\.heads: b\d+\+c\d+m? has no depth; .*take depth out"):
        pack(Grid(has_depth=False), tmp_path / "sample", dataset(), parameters())
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_told_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr(array_writer.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 2**16}))
    with pytest.raises(StudyError, match=r"needs 2 MiB and 0 MiB are free\); make room there"):
        pack(Grid(), tmp_path / "sample", dataset(), parameters(images=100, size=64))
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
            pack(Filling(), tmp_path / "sample", dataset(), parameters())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


# --- the stage ---


def run_stage(folder, **changes):
    values = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    values["dataset"] = {"name": "composites", "path": "photos", "heads": ["mask", "depth"]} | changes
    values["sample"] |= {"images": 40, "size": 32}
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
    assert "sample  32x32 px: 26 for train, 6 for validation, 8 for test" in done.stdout
    sample = PackedSample.open(checkout / "data" / "sample")
    assert sample.images.shape == (40, 32, 32, 3)
    assert sample.meta["notes"][0] == "Taken by hand."
    with (checkout / "data" / "sample" / "index.csv").open(newline="") as file:
        assert next(csv.reader(file)) == ["id", "split", "background_row", "background", "object", "foreground"]


def test_stage_ends_in_one_line_and_leaves_nothing(checkout):
    done = run_stage(checkout, options={"backgrounds": "bgs"})
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "photos/bgs: no such folder" in done.stderr
    assert [path.name for path in (checkout / "data").iterdir()] == ["source"]


@pytest.mark.parametrize(
    ("content", "words"),
    [("{", "missing or damaged"), ('{"name": "scenes", "path": "x"}', "is of dataset 'scenes'")],
)
def test_stage_refuses_another_source(checkout, content, words):
    (checkout / "data" / "source" / "source.json").write_text(content, encoding="utf-8")
    done = run_stage(checkout)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {Path('data/source/source.json')}: {words}")


@pytest.mark.parametrize(
    "shape", [b")\\, 32, 32, 3)", b"(9, 32, 32, 3)", b"(16 32, 32, 3)", b"((((((((((((((", b"\xff6, 32, 32, 3)"]
)
def test_whatever_is_wrong_in_the_header_of_an_array_the_sample_is_damaged(tmp_path, shape):
    folder = write_sample(tmp_path / "sample", images=16, size=32)
    path = folder / "images.npy"
    path.write_bytes(path.read_bytes().replace(b"(16, 32, 32, 3)"[: len(shape)], shape, 1))
    with pytest.raises(StudyError, match="damaged"):
        PackedSample.open(folder)


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
