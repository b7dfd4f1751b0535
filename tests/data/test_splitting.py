"""Training, validation and test share no background and no object, or say so."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loss_study import datasets
from loss_study.data.packed import SPLITS
from loss_study.runtime.errors import StudyError
from loss_study.sampling.splitting import draw_splits
from support.grid import Grid, composites, packed

#: SHA-256 of the names of the default study's 520 training images: a committed result depends on them.
TRAINING = "70e56a5e2e7b2bcbacaad6c48abad6a57adcf2fc54664f3c5a7e59ffbd7eacea"


def shared(sample, column):
    """The values of `column` that stand in more than one split."""
    of_split = {split: {row[column] for row in sample.index if row["split"] == split} for split in SPLITS}
    assert all(of_split.values())
    return set().union(*(of_split[one] & of_split[other] for one, other in combinations(SPLITS, 2)))


def test_no_split_shares_a_background_or_object(tmp_path):
    sample = packed(tmp_path, Grid())
    assert shared(sample, "background") == shared(sample, "object") == set()


def test_the_images_themselves_share_nothing(tmp_path):
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


def test_with_nothing_known_no_image_is_shared_and_it_is_said(tmp_path):
    data = Grid(knows_backgrounds=False, knows_objects=False, has_background_images=False)
    sample = packed(tmp_path, data)
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


def test_too_few_images_are_thinned_at_random():
    """Validation has 3 of the 15 images it wants, so training keeps 13 of 65: not those of its first backgrounds."""
    splits, _ = draw_splits(Poor(20, knows_objects=False), 100, 0.15, 0.2, 0)
    assert [len(splits[split]) for split in SPLITS] == [13, 3, 4]
    assert len({item.background for item in splits["train"]}) >= 6


def test_shares_of_images_and_identities():
    splits, notes = draw_splits(Grid(40, 20), 100, 0.15, 0.2, 0)
    assert {split: len(items) for split, items in splits.items()} == {"train": 65, "validation": 15, "test": 20}
    assert len({item.background for item in splits["train"]}) == 24, "of 26, by chance"
    assert "The splits share no backgrounds: 24 are for training, 6 for validation, 8 for the test." in notes
    assert "The splits share no objects: 13 are for training, 3 for validation, 4 for the test." in notes


def test_too_few_images_keep_the_proportions():
    """20 x 20 pairs and mirror images, 800 asked for: with 10, 5 and 5 identities 200, 50 and 50 are left of a split.

    Wanted are 520, 120 and 160: the test reaches 50 / 160 of its number, and so do the others.
    """
    splits, notes = draw_splits(Grid(20, 20), 800, 0.15, 0.2, 0)
    assert {split: len(items) for split, items in splits.items()} == {"train": 162, "validation": 38, "test": 50}
    assert "800 images were requested; 250 could be drawn in the proportions of the splits." in notes


def test_three_of_each_are_enough():
    splits, _ = draw_splits(Grid(3, 3), 20, 0.15, 0.2, 0)
    assert {split: len(items) for split, items in splits.items()} == {"train": 2, "validation": 1, "test": 1}


@pytest.mark.parametrize(("data", "kind"), [(Grid(2, 9), "backgrounds"), (Grid(9, 2), "objects")])
def test_two_are_too_few(data, kind):
    with pytest.raises(StudyError, match=rf"2 {kind}, but .* at least 3"):
        draw_splits(data, 20, 0.15, 0.2, 0)


def test_an_empty_split_is_an_error():
    with pytest.raises(StudyError, match=r"no image is left for the split 'validation'; .*sample\.validation"):
        draw_splits(Grid(), 12, 0.01, 0.2, 0)


def test_another_seed_is_another_subset_and_split():
    first, second = (draw_splits(Grid(), 60, 0.15, 0.2, seed)[0] for seed in (0, 1))
    assert {item.object for item in first["test"]} != {item.object for item in second["test"]}


def test_split_by_order_shares_backgrounds_and_objects_and_says_so(tmp_path):
    sample = packed(tmp_path, Grid(), split="order")
    assert len(shared(sample, "background")) >= 10 and len(shared(sample, "object")) >= 10
    assert len({row["id"] for row in sample.index}) == 100, "no image is shared"
    assert sample.meta["images"] == {"train": 65, "validation": 15, "test": 20}
    assert any("by the order of a listing" in note for note in sample.meta["notes"])


# --- more images for validation and test ---


def ids(items):
    return [item.id for item in items]


def test_scenes_have_one_test_image_for_each_object_and_background():
    scenes = datasets.open_dataset("scenes", Path("unused"), {})
    splits, notes = draw_splits(scenes, 800, 0.15, 0.2, 0, at_least={"validation": 200, "test": 1000})
    assert [len(splits[split]) for split in SPLITS] == [520, 200, 1000]
    judged = [*splits["validation"], *splits["test"]]
    for kind in ("background", "object"):
        own = {getattr(item, kind) for item in judged}
        assert len(own) == 1200
        assert not own & {getattr(item, kind) for item in splits["train"]}
    assert "The splits share no backgrounds: 78 are for training, 200 for validation, 1000 for the test." in notes
    assert len({item.object for item in splits["train"]}) == 77, "of 78, by chance"
    assert "The splits share no objects: 77 are for training, 200 for validation, 1000 for the test." in notes
    assert "Every validation and test image has an object and a background of its own." in notes


def test_the_shares_count_where_they_are_more():
    scenes = datasets.open_dataset("scenes", Path("unused"), {})
    splits, _ = draw_splits(scenes, 400, 0.15, 0.2, 0, at_least={"validation": 20, "test": 20})
    assert [len(splits[split]) for split in SPLITS] == [260, 60, 80]
    assert len({item.object for item in splits["test"]}) == len({item.background for item in splits["test"]}) == 80


def test_the_training_images_do_not_depend_on_the_number_of_test_images():
    """They are those that dealing 120 objects and backgrounds by the shares gives; the digest is of their names."""
    scenes = datasets.open_dataset("scenes", Path("unused"), {})
    splits, _ = draw_splits(scenes, 800, 0.15, 0.2, 0, at_least={"validation": 200, "test": 1000})
    names = "\n".join(ids(splits["train"]))
    assert hashlib.sha256(names.encode()).hexdigest() == TRAINING
    for data in (scenes, Grid(20, 20), Grid(knows_objects=False)):
        few, _ = draw_splits(data, 200, 0.15, 0.2, 0)
        many, _ = draw_splits(data, 200, 0.15, 0.2, 0, at_least={"validation": 50, "test": 150})
        assert ids(many["train"]) == ids(few["train"])
        assert len(many["test"]) > len(few["test"])


def test_more_test_images_are_the_same_ones_and_others():
    scenes = datasets.open_dataset("scenes", Path("unused"), {})

    def test_images(images=100, validation=30, test=50):
        return ids(
            draw_splits(scenes, images, 0.1, 0.1, 3, at_least={"validation": validation, "test": test})[0]["test"]
        )

    assert test_images(test=80)[:50] == test_images() == test_images(images=200) == test_images(validation=10)


def test_other_sample_seeds_have_other_test_objects():
    scenes = datasets.open_dataset("scenes", Path("unused"), {})
    tests = [draw_splits(scenes, 100, 0.1, 0.1, seed, at_least={"test": 1000})[0]["test"] for seed in (0, 1)]
    objects = [{item.object for item in items} for items in tests]
    assert len(objects[0] & objects[1]) < 10


def test_a_finite_dataset_gives_the_test_images_that_its_test_objects_have():
    """20 x 20 pairs and mirror images: with 5 identities of each for the test there are 50 images and no more."""
    wanted = {"validation": 40, "test": 1000}
    splits, _ = draw_splits(Grid(20, 20), 200, 0.15, 0.2, 0, at_least=wanted)
    few, _ = draw_splits(Grid(20, 20), 200, 0.15, 0.2, 0)
    own = [{item.background for item in few["test"]}, {item.object for item in few["test"]}]
    assert [len(one) for one in own] == [5, 5] and len(few["test"]) < len(splits["test"]) == 2 * 5 * 5
    assert ids(splits["test"])[: len(few["test"])] == ids(few["test"])
    for kind in ("background", "object"):
        of_split = [{getattr(item, kind) for item in items} for items in splits.values()]
        assert not any(one & other for one, other in combinations(of_split, 2))


def test_composites_have_as_many_test_images_as_asked_for(tmp_path):
    splits, _ = draw_splits(composites(tmp_path), 100, 0.15, 0.2, 0, at_least={"test": 60})
    every = [item for items in splits.values() for item in items]
    assert [len(splits[split]) for split in SPLITS] == [65, 15, 60]
    assert len({item.id for item in every}) == 140


@pytest.mark.parametrize("split", ["order", "disjoint"])
def test_with_nothing_known_test_images_are_others_still(split):
    data = Ordered(knows_backgrounds=split == "order", knows_objects=False, has_background_images=False)
    splits, _ = draw_splits(data, 100, 0.15, 0.2, 0, split, at_least={"validation": 30, "test": 90})
    every = [item.id for items in splits.values() for item in items]
    assert [len(items) for items in splits.values()] == [65, 30, 90]
    assert len(set(every)) == 185
    assert len({name[:4] for name in ids(splits["test"])}) == 12, "of all backgrounds, not of the first ones"


@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(
    backgrounds=st.integers(3, 12),
    objects=st.integers(3, 12),
    images=st.integers(12, 200),
    least=st.integers(0, 300),
    split=st.sampled_from(["disjoint", "order"]),
    seed=st.integers(0, 10),
)
def test_added_images_never_repeat_and_share_nothing(backgrounds, objects, images, least, split, seed):
    data = Grid(backgrounds, objects)
    splits, _ = draw_splits(data, images, 0.2, 0.2, seed, split, at_least={"validation": least, "test": least})
    every = [item.id for items in splits.values() for item in items]
    assert len(set(every)) == len(every)
    if split == "disjoint":
        for one, other in combinations(splits.values(), 2):
            assert not {item.background for item in one} & {item.background for item in other}
            assert not {item.object for item in one} & {item.object for item in other}
