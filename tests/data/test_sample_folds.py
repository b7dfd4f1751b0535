"""Samples with folds: every object is tested once, and no fold has an object or background in two of its splits."""

import json
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loss_study.data.packed import SPLITS, PackedSample
from loss_study.runtime import checksums
from loss_study.runtime.errors import StudyError
from loss_study.sampling.splitting import draw_folds
from support.grid import Grid, composites, packed

COLUMNS = ["id", "split", "background_row", "background", "object", "foreground"]


def of_splits(sample, fold, column):
    """What stands in `column`, by split."""
    index = sample.of_fold(fold).index
    return {split: {row[column] for row in index if row["split"] == split} for split in SPLITS}


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    return packed(tmp_path_factory.mktemp("folds"), Grid(20, 20), folds=5)


@pytest.mark.parametrize("column", ["id", "object", "background"])
def test_no_fold_has_an_identity_in_two_splits(sample, column):
    for fold in range(5):
        train, validation, test = of_splits(sample, fold, column).values()
        assert train and validation and test
        assert not train & validation and not train & test and not validation & test


@pytest.mark.parametrize("column", ["id", "object", "background"])
def test_every_image_object_and_background_is_tested_in_one_fold(sample, column):
    for split in ("test", "validation"):
        counts = Counter(name for fold in range(5) for name in of_splits(sample, fold, column)[split])
        assert set(counts) == {row[column] for row in sample.index}
        assert set(counts.values()) == {1}


def test_the_images_themselves_are_those_of_the_fold(sample):
    """The index might err: the images' own colours tell which background and object they show."""
    for fold in range(5):
        for channel in (0, 1):
            train, validation, test = (
                set(sample.images[sample.of_fold(fold).rows(split), 0, 0, channel]) for split in SPLITS
            )
            assert not train & test and not train & validation and not validation & test


def test_the_fold_that_is_open_first_is_fold_0(sample):
    assert sample.fold == 0 and sample.folds == 5
    assert sample.of_fold(0) is sample
    assert sample.of_fold(3).of_fold(0).rows("test").tolist() == sample.rows("test").tolist()
    assert sample.meta["images"] == {split: len(sample.rows(split)) for split in SPLITS}
    assert [row["split"] == "test" for row in sample.index] == [row["fold"] == "0" for row in sample.index]


@dataclass(frozen=True)
class Shaded(Grid):
    """Every object has a mask and a depth of its own size."""

    def example(self, item, size):
        found = super().example(item, size)
        found.mask[: int(item.id[6:9]) % size] = 255
        found.depth[:] = int(item.id[6:9])
        return found


def test_statistics_are_of_the_folds_own_training_images(tmp_path):
    sample = packed(tmp_path, Shaded(), folds=3)
    means = []
    for fold in range(3):
        one = sample.of_fold(fold)
        train = one.rows("train")
        assert one.statistics["mask_mean"] == pytest.approx(one.masks[train].mean() / 255)
        assert one.statistics["depth_mean"] == pytest.approx(one.depths[train].mean() / 65535)
        means.append(one.statistics["mask_mean"])
    assert len(set(means)) == 3


def test_a_sample_is_the_same_each_time_and_another_from_another_seed(tmp_path):
    for name, seed in (("one", 0), ("again", 0), ("other", 1)):
        (tmp_path / name).mkdir()
        packed(tmp_path / name, Grid(), folds=3, seed=seed)
    one, again, other = (
        {path.name: path.read_bytes() for path in (tmp_path / name / "sample").iterdir()}
        for name in ("one", "again", "other")
    )
    assert one == again
    assert one["index.csv"] != other["index.csv"]


def test_a_fixed_split_says_nothing_of_folds(tmp_path):
    sample = packed(tmp_path, Grid())
    assert list(sample.index[0]) == COLUMNS
    assert not {"folds", "statistics_of_folds"} & json.loads((sample.folder / "sample.json").read_text()).keys()
    assert sample.folds == 1


def test_composites_are_drawn_within_a_fold(tmp_path):
    sample = packed(tmp_path, composites(tmp_path, 9), size=32, folds=3)
    assert len(sample.index) == 100
    part = {}
    for row in sample.index:
        for name in (row["object"], row["background"]):
            assert part.setdefault(name, row["fold"]) == row["fold"]
    assert Counter(row["fold"] for row in sample.index) == {"0": 34, "1": 33, "2": 33}


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(
    backgrounds=st.integers(3, 12),
    objects=st.integers(3, 12),
    known=st.tuples(st.booleans(), st.booleans()),
    folds=st.integers(3, 6),
    seed=st.integers(0, 9),
)
def test_parts_share_nothing_that_is_known(backgrounds, objects, known, folds, seed):
    data = Grid(backgrounds, objects, *known)
    if any(names is not None and len(names) < folds for names in (data.backgrounds, data.objects)):
        with pytest.raises(StudyError, match=r"^sample\.folds: \d+ (objects|backgrounds) for \d folds; add"):
            draw_folds(data, 60, folds, seed)
        return
    parts, notes = draw_folds(data, 60, folds, seed)
    assert len(parts) == folds and all(parts) and notes
    assert sum(map(len, parts)) <= 60
    for name in ("id", "background", "object"):
        of_part = [{getattr(item, name) for item in part} - {None} for part in parts]
        assert sum(map(len, of_part)) == len(set().union(*of_part))


def test_items_across_folds_are_left_out_and_counted(tmp_path):
    # Of 12 x 12 x 2 items, three folds keep 3 x (4 x 4 x 2).
    sample = packed(tmp_path, Grid(), images=200, folds=3)
    assert len(sample.index) == 96
    assert "200 images were requested; 96 have an object and a background of one fold." in sample.meta["notes"]


def test_the_notes_say_what_is_tested_and_what_is_unknown():
    _, notes = draw_folds(Grid(), 60, 3, 0)
    assert "3 folds: each of 12 objects is tested in one, and in training or validation in the others." in notes
    _, notes = draw_folds(Grid(knows_backgrounds=False), 60, 3, 0)
    assert any(note.startswith("The backgrounds are not known by name") for note in notes)
    _, notes = draw_folds(Grid(knows_backgrounds=False, knows_objects=False), 60, 3, 0)
    assert len(notes) == 1 and notes[0].startswith(
        "3 folds: every image is tested once. Neither backgrounds nor objects"
    )


@dataclass(frozen=True)
class Listed(Grid):
    test_objects: tuple[str, ...] | None = ("c001",)


def test_a_test_list_and_folds_exclude_each_other():
    with pytest.raises(StudyError, match=r"^sample\.folds: the dataset's own test list is in use"):
        draw_folds(Listed(), 60, 3, 0)
    assert draw_folds(Listed(test_objects=None), 60, 3, 0)


def test_a_damaged_fold_is_an_error_in_one_line(tmp_path):
    sample = packed(tmp_path, Grid(), folds=3)
    index = sample.folder / "index.csv"
    index.write_text(index.read_text().replace("fold\n", "part\n", 1))
    checksums.write(sample.folder)
    with pytest.raises(StudyError, match="damaged packed sample"):
        _ = PackedSample.open(sample.folder).index


def test_background_images_are_those_of_the_rows(sample):
    rows = sample.of_fold(2).background_rows
    assert np.array_equal(sample.backgrounds[rows][:, 0, 0, 0], sample.images[:, 0, 0, 0])
