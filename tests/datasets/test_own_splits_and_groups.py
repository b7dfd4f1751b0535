"""The data's own splits are used and their leakage is said; patterns anchor, exclude and form groups."""

import os
import shlex
import zlib

import numpy as np
import pytest
from PIL import Image

from loss_study import datasets
from loss_study.config import DatasetConfig, SampleConfig
from loss_study.data.packed import PackedSample
from loss_study.datasets.layouts import frames
from loss_study.datasets.layouts.pattern import Pattern, split_named
from loss_study.runtime.errors import StudyError
from loss_study.sampling.pack import pack
from loss_study.sampling.splitting import draw_folds, draw_splits
from support.data_at_hand import composed, everything, save

FILES = {"image": "{split}/images/{name}", "mask": "{split}/masks/{name}"}
MASK = np.repeat([[0, 255]], 16, axis=0).repeat(8, axis=1).astype(np.uint8)
SAMPLE = {
    "images": 12,
    "size": 16,
    "validation": 0.25,
    "test": 0.25,
    "seed": 0,
    "test_images": 4,
    "validation_images": 4,
}


def add(root, name, mask_name=None, value=None):
    """Write an image of its own pixels, or of one `value`, and its mask."""
    pixels = np.random.default_rng(zlib.crc32(name.encode())).integers(0, 255, (16, 16, 3), dtype=np.uint8)
    save(root / f"{name}.png", pixels if value is None else np.full_like(pixels, value))
    save(root / f"{mask_name or name.replace('images', 'masks')}.png", MASK)


def splits_on_disk(root, **counts):
    for split, count in counts.items():
        for number in range(count):
            add(root, f"{split}/images/{split}{number}")
    return root


def opened(root, files=FILES, **options):
    return datasets.open_dataset("folder", root, {"files": files, **options})


def names(splits):
    return {split: sorted(item.id for item in items) for split, items in splits.items()}


def test_three_folders_are_the_three_splits(tmp_path):
    source = opened(splits_on_disk(tmp_path, train=9, val=4, test=5))
    splits, notes = draw_splits(source, 12, 0.25, 0.25, 0, at_least={"test": 100})
    found = names(splits)
    assert len(found["train"]) == 6 and len(found["validation"]) == 3 and len(found["test"]) == 5
    assert all(one.startswith("train/") for one in found["train"])
    assert all(one.startswith("val/") for one in found["validation"])
    assert found["test"] == [f"test/images/test{number}" for number in range(5)]
    assert any("own splits are used (9 of train, 4 of validation, 5 of test)" in note for note in source.notes)
    assert draw_splits(source, 12, 0.25, 0.25, 0, at_least={"test": 100})[0] == splits
    assert any("objects are not known by name" in note for note in notes)


@pytest.mark.parametrize("other", ["val", "test"])
def test_without_a_third_one_validation_comes_from_training(other, tmp_path):
    source = opened(splits_on_disk(tmp_path, train=9, **{other: 4}))
    splits, notes = draw_splits(source, 12, 0.25, 0.25, 0)
    found = names(splits)
    assert [len(found[split]) for split in ("train", "validation", "test")] == [6, 3, 3]
    assert all(one.startswith("train/") for split in ("train", "validation") for one in found[split])
    assert all(one.startswith(f"{other}/") for one in found["test"])
    assert not set(found["train"]) & set(found["validation"])
    split = "validation" if other == "val" else "test"
    assert f"The data's own {split} split is the test; validation images are taken from its training split." in notes


def test_one_folder_is_no_split(tmp_path):
    source = opened(splits_on_disk(tmp_path, train=9))
    assert source.own_splits is None and any("have one split only (9 of train)" in note for note in source.notes)


def test_own_splits_may_be_ignored(tmp_path):
    source = opened(splits_on_disk(tmp_path, train=6, test=6), split="random")
    assert source.own_splits is None and len(everything(source)) == 12
    assert any("own splits are not used" in note for note in source.notes)


def test_folds_and_own_splits_exclude_each_other_and_the_remedy_works(tmp_path, monkeypatch):
    splits_on_disk(tmp_path, train=9, test=9)
    source = opened(tmp_path)
    with pytest.raises(StudyError, match=r"own splits are in use; say -S sample\.folds=1, or -S ") as error:
        draw_folds(source, 12, 3, 0)
    word = str(error.value).split()[-1]
    dataset = composed(tmp_path, monkeypatch, "dataset=folder", f"dataset.path={tmp_path}", word).dataset
    parts, _ = draw_folds(datasets.open_dataset("folder", tmp_path, dataset.options), 12, 3, 0)
    assert list(map(len, parts)) == [4, 4, 4]


def test_a_patient_in_two_splits_is_leakage(tmp_path):
    for split, patients in {"train": "aab", "val": "cd", "test": "bef"}.items():
        for number, patient in enumerate(patients):
            add(tmp_path, f"{split}/images/{patient}/{number}")
    files = {"image": "{split}/images/{patient}/{name}", "mask": "{split}/masks/{patient}/{name}"}
    source = opened(tmp_path, files)
    assert source.group == "patient" and list(source.objects) == list("abcdef")
    _, notes = draw_splits(source, 12, 0.4, 0.4, 0)
    assert any(
        "Leakage: 1 of 6 patients are in more than one of the data's own splits (first: b)" in note for note in notes
    )
    _, notes = draw_splits(opened(tmp_path, files, split="random"), 8, 0.3, 0.3, 0)
    assert any(note.startswith("Patients are told apart by the names of their files: ") for note in notes)


def test_validation_shares_no_patient_with_training(tmp_path):
    for number in range(12):
        add(tmp_path, f"train/images/p{number % 4}/{number}")
        add(tmp_path, f"test/images/q{number % 4}/{number}")
    files = {"image": "{split}/images/{patient}/{name}", "mask": "{split}/masks/{patient}/{name}"}
    splits, notes = draw_splits(opened(tmp_path, files), 20, 0.3, 0.3, 0)
    patients = {split: {item.object for item in items} for split, items in splits.items()}
    assert not patients["train"] & patients["validation"]
    assert patients["train"] | patients["validation"] <= {"p0", "p1", "p2", "p3"}
    assert "The data's own splits share no patient." in notes


def packed(root, tmp_path, files=FILES):
    dataset = DatasetConfig(name="folder", path=str(root), heads=["mask"])
    pack(opened(root, files), tmp_path / "sample", dataset, SampleConfig(**SAMPLE))
    return PackedSample.open(tmp_path / "sample").meta


def test_identical_images_in_two_splits_are_leakage(tmp_path):
    root = splits_on_disk(tmp_path / "data", train=4, val=4, test=4)
    assert not any("Leakage" in note for note in packed(root, tmp_path)["notes"])
    for path in ("train/images/train1.png", "test/images/test2.png", "test/images/test0.png"):
        save(root / path, np.full((16, 16, 3), 77, np.uint8))
    notes = [note for note in packed(root, tmp_path)["notes"] if "Leakage" in note]
    assert len(notes) == 1 and "2 images are identical with one of another split, pixel by pixel" in notes[0]
    assert "test/images/test" in notes[0] and "train/images/train1 in train" in notes[0]


def test_the_sample_says_what_its_groups_are(tmp_path):
    for number in range(12):
        add(tmp_path / "data", f"images/scene{number % 6}/{number}")
    meta = packed(tmp_path / "data", tmp_path, {"image": "images/{scene}/{name}", "mask": "masks/{scene}/{name}"})
    assert (meta["group"], meta["objects"]) == ("scene", 6)
    assert any(note.startswith("Scenes are told apart") for note in meta["notes"])


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("/data/My Leaves", "My Leaves"),
        ("x/leaves.tar.gz", "leaves"),
        ("src/loss_study/datasets/pets.py", "pets"),
        ("/", "pets"),
    ],
)
def test_the_report_calls_the_data_by_the_name_of_its_folder(path, title):
    assert DatasetConfig(name="pets", path=path, heads=["mask"]).title == title


STRANGE = [b"caf\xe9 \xff", b"line\nbreak\ttab", "日本語 é".encode(), b"n" * 250, b'"quoted",comma', b"<b>&amp;"]


def test_names_in_any_encoding_reach_the_index(tmp_path):
    """Names that are no UTF-8, with line breaks, of 254 bytes with their suffix: of images, patients and in notes."""
    for number, name in enumerate(STRANGE):
        for kind in ("images", "masks"):
            folder = os.fsencode(tmp_path) + b"/data/" + kind.encode() + b"/" + (name if number != 3 else b"p")
            os.makedirs(folder)  # noqa: PTH103 -- bytes
            for scan in range(2):
                pixels = np.full((16, 16, 3), 40 * number + scan, np.uint8) if kind == "images" else MASK
                path = folder + b"/" + name[: 249 - scan] + str(scan).encode() + b".png"
                with open(path, "wb") as file:  # noqa: PTH123 -- bytes
                    Image.fromarray(pixels).save(file, "PNG")
    (tmp_path / "data/masks").joinpath(os.fsdecode(STRANGE[0]), os.fsdecode(STRANGE[0]) + "0.png").unlink()
    files = {"image": "images/{patient}/{name}", "mask": "masks/{patient}/{name}"}
    dataset = DatasetConfig(name="folder", path="data", heads=["mask"])
    pack(opened(tmp_path / "data", files, allow_missing=True), tmp_path / "sample", dataset, SampleConfig(**SAMPLE))
    sample = PackedSample.open(tmp_path / "sample")
    ids, patients = ({row[key] for row in sample.index} for key in ("id", "object"))
    assert len(ids) == 11 and len(patients) == 6
    assert {r"caf\xe9 \xff", r"line\nbreak\ttab", "日本語 é", '"quoted",comma', "<b>&amp;"} < patients
    assert "n" * 249 + "0" in {one.rpartition("/")[2] for one in ids}
    assert all(one.isprintable() for one in [*ids, *patients, *sample.meta["notes"]])
    assert any(r"(first: images/caf\xe9 \xff/caf\xe9 \xff0.png)" in note for note in sample.meta["notes"])


# Patterns


def test_a_slash_in_front_anchors_a_pattern(tmp_path):
    for place in ("", "backup/"):
        add(tmp_path, f"{place}images/a", f"{place}masks/a")
    anchored = opened(tmp_path, {"image": "/images/{name}", "mask": "/masks/{name}"})
    assert len(everything(anchored)) == 1
    with pytest.raises(StudyError, match="has the same words as"):
        opened(tmp_path, {"image": "images/{name}", "mask": "masks/{name}"})
    excluded = {"image": "images/{name}", "mask": "masks/{name}", "exclude": ["backup"]}
    assert len(everything(opened(tmp_path, excluded))) == 1
    assert len(everything(opened(tmp_path, {**excluded, "exclude": ["/ba*"]}))) == 1


def test_a_folder_is_excluded_with_what_is_below_it(tmp_path):
    for place in ("a/images", "a/old/images", "b/old/images"):
        add(tmp_path, f"{place}/{place[0]}{len(place)}")
    files = {"image": "images/{name}", "mask": "masks/{name}"}
    assert len(everything(opened(tmp_path, files))) == 3
    assert [item.id for item in everything(opened(tmp_path, {**files, "exclude": ["old"]}))] == ["a8"]
    assert len(everything(opened(tmp_path, {**files, "exclude": ["/a/*"]}))) == 1
    assert len(everything(opened(tmp_path, {**files, "exclude": ["/old"]}))) == 3


def test_a_pattern_may_name_the_suffix(tmp_path):
    for number in range(3):
        save(tmp_path / f"{number}.jpg", np.full((8, 8, 3), 50 * number, np.uint8))
        save(tmp_path / f"{number}.png", MASK)
    source = opened(tmp_path, {"image": "{name}.jpg", "mask": "{name}.png"})
    assert len(everything(source)) == 3
    for item in everything(source):
        assert np.array_equal(source.example(item, 16).mask, MASK)


@pytest.mark.parametrize(
    ("text", "split"),
    [("Train2017", "train"), ("valid", "validation"), ("dev", "validation"), ("TEST", "test"), ("trainval", None)],
)
def test_names_of_splits(text, split):
    assert split_named(text) == split
    assert (Pattern("x/{split}_a").name_words(f"{text}_a.png") == {"split": text}) is (split is not None)


def test_a_mask_beside_the_image_is_no_image(tmp_path):
    for number in range(3):
        add(tmp_path, f"{number}", f"{number}_mask")
    source = opened(tmp_path, {"image": "{name}", "mask": "{name}_mask"})
    assert [item.id for item in everything(source)] == ["0", "1", "2"]


def test_further_backgrounds_are_said(tmp_path):
    for number in range(4):
        add(tmp_path, f"images/b{number % 2}_{number}", f"masks/b{number % 2}_{number}")
    for place in ("b0_x", "b0_y", "b1_x"):
        save(tmp_path / f"bg/{place}.png", np.full((8, 8, 3), len(place) + 10 * (place[3] == "y"), np.uint8))
    files = {
        "image": "images/{background}_{name}",
        "mask": "masks/{background}_{name}",
        "background": "bg/{background}_{shot}",
    }
    source = opened(tmp_path, files)
    assert source.has_background_images and any("1 further files of backgrounds" in note for note in source.notes)
    assert (source.background(source.backgrounds[0], 8) == 4).all()


# Frames


def video(root, count, folder="images", name="frame_{:04}", step=1):
    """Write frames of a camera that moves along a random picture, so that neighbours look alike."""
    wide = np.random.default_rng(0).integers(0, 255, (16, 16 + count // 2, 3), dtype=np.uint8).repeat(4, 1)
    for number in range(count):
        save(root / folder / f"{name.format(number * step)}.png", wide[:, 2 * number : 2 * number + 64])
        save(root / "masks" / f"{name.format(number * step)}.png", MASK)
    return root


@pytest.mark.parametrize(("image", "step"), [("images/frame_{number}", 1), ("images/{name}", 7)])
def test_clips_are_blocks_of_consecutive_frames(image, step, tmp_path):
    video(tmp_path, 50, step=step)
    source = opened(tmp_path, {"image": image, "mask": image.replace("images", "masks"), "frames": 10})
    assert source.group == "clip" and len(source.objects) == 5
    for item in everything(source):
        number = int(item.id.rpartition("_")[2]) // step
        first, last = (f"images/frame_{step * (number // 10 * 10 + place):04}.png" for place in (0, 9))
        assert item.object == f"{first} to {last}"
    splits, notes = draw_splits(source, 50, 0.2, 0.2, 0)
    clips = [{item.object for item in items} for items in splits.values()]
    assert sum(map(len, clips)) == len(set.union(*clips)) == 5
    assert any("clips" in note.lower() for note in notes)


def test_frames_are_suggested_where_neighbours_look_alike(tmp_path, monkeypatch):
    video(tmp_path, 60)
    choices = ["dataset=folder", f"dataset.path={tmp_path}"]
    source = datasets.open_dataset(
        "folder", tmp_path, composed(tmp_path, monkeypatch, *choices).dataset.options, ["mask"]
    )
    note = next(note for note in source.notes if "consecutive frames of a video" in note)
    word = shlex.split(note.rstrip("."))[-1]
    again = composed(tmp_path, monkeypatch, *choices, word).dataset.options
    source = datasets.open_dataset("folder", tmp_path, again, ["mask"])
    assert source.group == "clip" and len(source.objects) == 20
    assert not any("look like consecutive" in note for note in source.notes)


def test_photographs_with_numbers_are_no_video(tmp_path):
    for number in range(60):
        add(tmp_path, f"images/{number}")
    source = opened(tmp_path, {"image": "images/{name}", "mask": "masks/{name}"})
    assert not any("video" in note for note in source.notes)
    assert frames.suggestion(source._pairs.images) is None


def test_a_frame_needs_a_number(tmp_path):
    add(tmp_path, "images/a")
    with pytest.raises(StudyError, match=r"images/a\.png: dataset\.options\.files\.frames needs a number"):
        opened(tmp_path, {"image": "images/{name}", "mask": "masks/{name}", "frames": 5})
