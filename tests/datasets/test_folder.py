"""Any folders: patterns tie the files together, and the labels of a mask mean what the configuration says."""

import unicodedata

import numpy as np
import pytest

from loss_study import datasets
from loss_study.runtime.errors import StudyError
from loss_study.sampling.splitting import draw_splits
from support.data_at_hand import SHARED, composed, everything, needs, save

LABELS = np.tile(np.array([0, 0, 7, 7, 8, 8, 255, 255], np.uint8), (8, 1))
PATTERNS = {"image": "images/{name}", "mask": "masks/{name}"}
ROAD_AND_CAR = {"classes": {"road": [0], "car": [7, 8]}, "ignored": [255]}


def build(root, masks, *, depth=None, count=6):
    for number in range(count):
        save(root / f"images/p{number}.jpg", np.full((8, 8, 3), 30 * number, np.uint8), quality=95)
        save(root / f"masks/p{number}.png", masks)
        if depth is not None:
            save(root / f"depth/p{number}.png", depth)
    return root


def open_folder(root, files=PATTERNS, **options):
    return datasets.open_dataset("folder", root, {"files": dict(files), **options})


def first(source, size=8):
    return source.example(everything(source)[0], size)


def test_shades_of_grey_are_the_mask(tmp_path):
    soft = np.tile(np.arange(0, 256, 36, dtype=np.uint8), (8, 1))
    source = open_folder(build(tmp_path, soft))
    assert np.array_equal(first(source).mask, soft) and first(source).mask_valid is None
    for number, item in enumerate(everything(source)):
        assert item.id == f"p{number}"
        assert abs(int(source.example(item, 8).image.mean()) - 30 * number) <= 2


@pytest.mark.parametrize("files", [PATTERNS, {"image": "auto", "mask": "auto"}], ids=["patterns", "auto"])
def test_accented_letters_are_the_same_however_they_are_written(tmp_path, files):
    """An image as one program names it, and its mask as another: one character, or a letter and its accent."""
    names = ["Bär", "Löwe", "Möwe", "Kröte"]
    for number, name in enumerate(names):
        save(tmp_path / f"images/{unicodedata.normalize('NFC', name)}.jpg", np.full((8, 8, 3), 30 * number, np.uint8))
        save(tmp_path / f"masks/{unicodedata.normalize('NFD', name)}.png", np.eye(8, dtype=np.uint8) * 255)
    assert len(everything(open_folder(tmp_path, files))) == 4


def test_one_class_is_its_labels(tmp_path):
    build(tmp_path, LABELS)
    example = first(open_folder(tmp_path, labels={"classes": {"car": [7, 8]}}))
    assert np.array_equal(example.mask, np.where((LABELS == 7) | (LABELS == 8), 255, 0)) and example.mask_valid is None
    example = first(open_folder(tmp_path, labels={"classes": {"car": [7, 8]}, "ignored": [255]}))
    assert np.array_equal(example.mask_valid, LABELS != 255)
    assert np.array_equal(example.mask, np.where((LABELS == 7) | (LABELS == 8), 255, 0))


def test_several_classes_are_numbered_in_the_order_of_their_names(tmp_path):
    example = first(open_folder(build(tmp_path, LABELS), labels=ROAD_AND_CAR))
    assert np.array_equal(example.mask_valid, LABELS != 255)
    assert np.array_equal(example.mask, np.where((LABELS == 7) | (LABELS == 8), 1, 0))
    with pytest.raises(StudyError, match=r"p0\.png: holds the label 255, which dataset.options does not name"):
        first(open_folder(tmp_path, labels={"classes": ROAD_AND_CAR["classes"]}))


def test_the_options_say_classes_and_gaps():
    options = {"files": PATTERNS, "labels": ROAD_AND_CAR}
    assert datasets.class_names("folder", options) == ("road", "car")
    assert datasets.heads_with_invalid_pixels("folder", options) == ("mask",)
    options = {"files": PATTERNS, "labels": {"classes": {"car": [7]}}}
    assert datasets.class_names("folder", options) == datasets.heads_with_invalid_pixels("folder", options) == ()


def test_depth_maps_are_read_either_way_round(tmp_path):
    ramp = np.tile(np.arange(0, 160, 20, dtype=np.uint8), (8, 1))
    build(tmp_path, np.full((8, 8), 255, np.uint8), depth=ramp)
    files = {**PATTERNS, "depth": "depth/{name}"}
    assert np.array_equal(first(open_folder(tmp_path, files)).depth, 257 * ramp.astype(int))
    assert np.array_equal(first(open_folder(tmp_path, files, near="bright")).depth, 65535 - 257 * ramp.astype(int))
    only_depth = first(open_folder(tmp_path, {"image": "images/{name}", "depth": "depth/{name}"}))
    assert only_depth.mask is None and np.array_equal(only_depth.depth, 257 * ramp.astype(int))


def test_a_pattern_tells_what_must_not_stand_in_two_splits(tmp_path):
    for patient in "abcdef":
        for scan in range(4):
            save(tmp_path / patient / f"scan{scan}.png", np.zeros((8, 8, 3), np.uint8))
            save(tmp_path / patient / f"scan{scan}_seg.png", np.full((8, 8), 255, np.uint8))
    source = open_folder(tmp_path, {"image": "{object}/scan{number}", "mask": "{object}/scan{number}_seg"})
    assert list(source.objects) == list("abcdef")
    splits, notes = draw_splits(source, 24, 0.2, 0.2, 0)
    patients = [{item.object for item in items} for items in splits.values()]
    assert all(patients) and sum(map(len, patients)) == len(set.union(*patients))
    assert not any("share no objects" in note for note in notes), "a copy may have another name"
    assert any("told apart by the names of their files: " in note for note in notes)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"files": {"image": "images/{name}", "mask": "masks/{nmae}"}}, r"dataset\.options\.files: .*needs words"),
        ({"files": {"image": "images/{name"}}, r"files\.image: .*a brace without its partner"),
        ({"labels": {"ignored": [255]}}, r"dataset\.options\.labels: ignored needs classes"),
        ({"labels": {"classes": {"car": ["red"]}}}, r"labels\.classes\.car\.0.*'red' is not a colour"),
        ({"labels": {"classes": {"car": [70000]}}}, "a grey value is between 0 and 65535"),
        ({"labels": {"classes": {"car": ["9-7"]}}}, "'9-7' is not a range: write the lower end first"),
        ({"labels": {"classes": {"car": ["7-#ffffff"]}}}, "'7-#ffffff' is not a range: .*both ends alike"),
        ({"depth_range": [1, 0]}, r"depth_range: write the lower end of the range first"),
        ({"image_range": [1]}, r"dataset\.options\.image_range"),
        ({"labels": {"klasses": {}}}, "no such key; did you mean 'classes'"),
    ],
)
def test_mistakes_in_the_description_are_one_line(options, match):
    with pytest.raises(StudyError, match=match):
        datasets.check("folder", {"files": PATTERNS, **options})


def test_a_file_without_its_partner_is_an_error_or_left_out(tmp_path):
    build(tmp_path, LABELS)
    (tmp_path / "masks/p3.png").unlink()
    labels = {"labels": ROAD_AND_CAR}
    with pytest.raises(StudyError, match=r"1 images have no mask \(first: images/p3\.jpg\).*allow_missing=true"):
        open_folder(tmp_path, **labels)
    assert [item.id for item in everything(open_folder(tmp_path, allow_missing=True, **labels))] == [
        "p0", "p1", "p2", "p4", "p5",
    ]  # fmt: skip


def test_the_configuration_composes(tmp_path, monkeypatch):
    build(tmp_path, LABELS)
    choices = ["dataset=folder", f"dataset.path={tmp_path}"]
    dataset = composed(tmp_path, monkeypatch, *choices).dataset
    assert datasets.check("folder", dataset.options)["files"].mask == ["auto"]
    labels = "+dataset.options.labels.classes={road:[0],car:[7,8],sky:['#ffffff']}"
    with pytest.raises(StudyError, match=r"dataset.classes: .*folder has 3, not 1; .*class_names=\[road,car,sky\]"):
        composed(tmp_path, monkeypatch, *choices, labels)
    several = composed(
        tmp_path, monkeypatch, *choices, labels, "dataset.classes=3", "loss.names=[cross_entropy]", "loss=cross_entropy"
    )
    assert first(datasets.open_dataset("folder", tmp_path, several.dataset.options)).mask.max() == 2


@needs("pets")
def test_real_trimaps_by_a_description():
    files = {"image": "images/{name}", "mask": "trimaps/{name}"}
    source = open_folder(SHARED / "pets", files, labels={"classes": {"pet": [1, 3]}})
    pets = datasets.open_dataset("pets", SHARED / "pets", {"split": "random"})
    mine, theirs = everything(source), everything(pets)
    assert len(mine) == len(theirs) == 150
    for one, other in zip(mine[::40], theirs[::40], strict=True):
        assert np.array_equal(source.example(one, 48).mask, pets.example(other, 48).mask)
        assert np.array_equal(source.example(one, 48).image, pets.example(other, 48).image)
