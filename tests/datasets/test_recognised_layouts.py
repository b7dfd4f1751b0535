"""Folders that describe themselves: images, masks and depth maps are found without any pattern."""

import shlex
import shutil

import numpy as np
import pytest
import yaml

from loss_study import datasets
from loss_study.checks.check import check_choices
from loss_study.config import composition
from loss_study.datasets.layouts.listing import scan
from loss_study.datasets.layouts.recognise import choice, recognise
from loss_study.runtime.errors import StudyError
from support.data_at_hand import composed, everything, save
from support.typed_words import alternatives

SIZE = 8
AUTO = {"image": "auto", "mask": "auto", "depth": "auto", "split_list": "auto"}
LAYOUTS = {
    "images and masks": ("images/{n}.jpg", "masks/{n}.png"),
    "a folder around them": ("data/v2/images/{n}.jpg", "data/v2/masks/{n}.png"),
    "marks at the start of all names": ("images/IMG_{n}.jpg", "masks/IMG_{n}.png"),
    "a suffix beside the image": ("{n}.jpg", "{n}_mask.png"),
    "a prefix": ("image_{n}.jpg", "mask_{n}.png"),
    "a suffix in another folder": ("imgs/{n}.jpg", "labels/{n}_seg.png"),
    "train, val and test in the middle": ("{s}/images/{n}.jpg", "{s}/masks/{n}.png"),
    "train, val and test below": ("images/{s}/{n}.jpg", "masks/{s}/{n}.png"),
    "a split and a kind in one name": ("{s}_images/{n}.jpg", "{s}_masks/{n}.png"),
    "Carvana": ("{s}/{n}.jpg", "{s}_masks/{n}_mask.gif"),
    "VOC": ("VOC2012/JPEGImages/{n}.jpg", "VOC2012/SegmentationClass/{n}.png"),
    "Cityscapes": ("leftImg8bit/{s}/ulm/{n}_leftImg8bit.png", "gtFine/{s}/ulm/{n}_gtFine_labelIds.png"),
    "a folder for each patient": ("patient{g}/{n}.png", "patient{g}/{n}_seg.png"),
}
DEPTH = {
    "a suffix after a dot": ("{n}.color.png", "{n}.depth.png"),
    "rgb and depth": ("rgb/{n}.jpg", "depth/{n}.png"),
    "NYU": ("kitchen_{g}a/rgb_{n}.jpg", "kitchen_{g}a/sync_depth_{n}.png"),
}


def build(root, patterns, *, depth=False, count=12):
    """Write `count` images and their targets; image and target of a number have its value in a corner."""
    for number in range(count):
        image, target = (
            pattern.format(n=f"{number:03}", s=("train", "val", "test")[number % 3], g=number % 4)
            for pattern in patterns
        )
        save(
            root / image,
            np.full((SIZE, SIZE, 3), 20 * number, np.uint8),
            **({"quality": 95} if image[-3:] == "jpg" else {}),
        )
        save(root / target, values(number, depth=depth))
    return root


def save_image(path, number):
    save(path, np.full((SIZE, SIZE, 3), 20 * number, np.uint8))


def values(number, *, depth=False):
    where = np.zeros((SIZE, SIZE), bool)
    where.flat[: 3 * number + 3] = True
    return (1000 + 100 * number * where).astype(np.uint16) if depth else np.where(where, 255, 0).astype(np.uint8)


def options(tmp_path, monkeypatch, found):
    return composed(tmp_path, monkeypatch, *found.words).dataset


def study(found, tmp_path, monkeypatch):
    """Return the dataset that the suggested words open, as typed, and its items."""
    dataset = options(tmp_path, monkeypatch, found)
    source = datasets.open_dataset(dataset.name, tmp_path, dataset.options, dataset.heads)
    return source, everything(source)


def number_of(example):
    return round(int(example.image.mean()) / 20)


@pytest.mark.parametrize("name", LAYOUTS)
def test_masks_are_found(name, tmp_path, monkeypatch):
    build(tmp_path, LAYOUTS[name])
    found = recognise(scan(tmp_path))
    assert (found.dataset, found.heads, found.fitting, found.unfitting) == ("folder", ("mask",), 12, 0)
    source, items = study(found, tmp_path, monkeypatch)
    assert len(items) == 12
    for item in items:
        example = source.example(item, SIZE)
        assert np.array_equal(example.mask, values(number_of(example)))
    assert sorted(number_of(source.example(item, SIZE)) for item in items) == list(range(12))
    splits = {"{s}" in pattern for pattern in LAYOUTS[name]}.pop()
    assert (source.own_splits == ["train", "validation", "test"]) if splits else source.own_splits is None


@pytest.mark.parametrize("name", DEPTH)
def test_depth_maps_are_found(name, tmp_path, monkeypatch):
    build(tmp_path, DEPTH[name], depth=True)
    found = recognise(scan(tmp_path))
    assert (found.dataset, found.heads, found.fitting, found.unfitting) == ("rgbd", ("depth",), 12, 0)
    source, items = study(found, tmp_path, monkeypatch)
    for item in items:
        example = source.example(item, SIZE)
        metres = source.depth_scale.decode(example.depth / 65535)
        assert np.allclose(metres, values(number_of(example), depth=True) / 1000, atol=0.001)
    assert source.group == ("scene" if "{g}" in DEPTH[name][0] else "object")


def test_masks_and_depth_maps_together(tmp_path, monkeypatch):
    build(tmp_path, ("images/{n}.jpg", "masks/{n}.png"))
    build(tmp_path, ("images/{n}.jpg", "depth/{n}.png"), depth=True)
    found = recognise(scan(tmp_path))
    assert (found.dataset, found.heads, found.fitting) == ("rgbd", ("mask", "depth"), 12)
    source, items = study(found, tmp_path, monkeypatch)
    example = source.example(items[5], SIZE)
    assert np.array_equal(example.mask, values(number_of(example))) and example.depth is not None


def test_only_what_a_study_needs_is_looked_for(tmp_path):
    build(tmp_path, ("images/{n}.jpg", "masks/{n}.png"))
    build(tmp_path, ("images/{n}.jpg", "depth/{n}.png"), count=4)
    source = datasets.open_dataset(
        "folder", tmp_path, {"files": {"image": "auto", "mask": "auto", "depth": "auto"}}, ["mask"]
    )
    assert len(everything(source)) == 12 and source.example(everything(source)[0], SIZE).depth is None


def test_a_group_has_the_name_that_folders_say(tmp_path, monkeypatch):
    build(tmp_path, LAYOUTS["a folder for each patient"])
    source, _ = study(recognise(scan(tmp_path)), tmp_path, monkeypatch)
    assert source.group == "patient" and list(source.objects) == ["patient0", "patient1", "patient2", "patient3"]


def test_a_split_without_masks_is_left_out(tmp_path, monkeypatch):
    build(tmp_path, LAYOUTS["train, val and test in the middle"])
    for path in (tmp_path / "test/masks").iterdir():
        path.unlink()
    found = recognise(scan(tmp_path))
    assert found.layout.exclude == ["/test"] and (found.fitting, found.unfitting) == (8, 4)
    assert found.unfitting_files[0] == "test/images/002.jpg"
    source, items = study(found, tmp_path, monkeypatch)
    assert len(items) == 8 and source.own_splits == ["train", "validation"]


def test_several_masks_of_an_image_are_united(tmp_path, monkeypatch):
    parts = [np.zeros((SIZE, SIZE), np.uint8) for _ in range(2)]
    parts[0][:2], parts[1][5:7] = 255, 255
    for number in range(4):
        save_image(tmp_path / f"stage1/{number}a/images/{number}a.png", number)
        for part, mask in enumerate(parts):
            save(tmp_path / f"stage1/{number}a/masks/{17 * number + part:x}.png", mask)
        save_image(tmp_path / f"beside/{number}.jpg", number)
        for part, mask in enumerate(parts):
            save(tmp_path / f"beside/{number}_mask_{part}.png", mask)
    for folder in ("stage1", "beside"):
        found = recognise(scan(tmp_path / folder))
        dataset = options(tmp_path, monkeypatch, found)
        source = datasets.open_dataset(dataset.name, tmp_path / folder, dataset.options, dataset.heads)
        for item in everything(source):
            assert np.array_equal(source.example(item, SIZE).mask, np.maximum(*parts))
        assert any("Several masks of one image were united: 4 are" in note for note in source.notes)


def test_time_stamps_join_images_and_depth_maps(tmp_path, monkeypatch):
    lists = {"rgb": ["# time and path"], "depth": []}
    for number in range(6):
        at = 1305031102.175304 + number / 30
        save_image(tmp_path / f"rgb/f{number}.png", number)
        save(tmp_path / f"depth/f{5 - number}.png", values(number, depth=True) * 5)
        lists["rgb"].append(f"{at:.6f} rgb/f{number}.png")
        lists["depth"].append(f"{at + (0.011 if number != 4 else 0.5):.6f} depth/f{5 - number}.png")
    for name, lines in lists.items():
        (tmp_path / f"{name}.txt").write_text("\n".join(lines))
    found = recognise(scan(tmp_path))
    assert found.dataset == "rgbd" and "dataset.options.metres_per_unit=0.0002" in found.words
    source, items = study(found, tmp_path, monkeypatch)
    assert sorted(number_of(source.example(item, SIZE)) for item in items) == [0, 1, 2, 3, 5]
    for item in items:
        example = source.example(item, SIZE)
        metres = source.depth_scale.decode(example.depth / 65535)
        assert np.allclose(metres, values(number_of(example), depth=True) / 1000, atol=0.001)
    assert any("1 images without a depth map within 0.02 s" in note for note in source.notes)


def test_a_folder_without_one_of_the_lists_may_be_left_out(tmp_path, monkeypatch):
    for scene in ("a room", "b"):
        rows = []
        for number in range(6):
            save_image(tmp_path / scene / f"rgb/f{number}.png", number)
            save(tmp_path / scene / f"depth/f{number}.png", values(number, depth=True) * 5)
            rows.append(f"{number} {{}}/f{number}.png")
        for name in ("rgb", "depth"):
            (tmp_path / scene / f"{name}.txt").write_text("\n".join(rows).format(*[name] * 6))
    words = recognise(scan(tmp_path)).words
    (tmp_path / "a room/depth.txt").unlink()
    with pytest.raises(StudyError, match="no list depth beside it; add it, or leave its folder out with") as error:
        composed(tmp_path, monkeypatch, *words)
    (excluded,) = alternatives(str(error.value))
    dataset = composed(tmp_path, monkeypatch, *words, *excluded).dataset
    source = datasets.open_dataset(dataset.name, tmp_path, dataset.options, dataset.heads)
    examples = [source.example(item, SIZE) for item in everything(source)]
    assert sorted(map(number_of, examples)) == list(range(6))


def test_where_no_list_of_a_split_is_there_all_is_split_at_random_if_one_says_so(tmp_path, monkeypatch):
    build(tmp_path, LAYOUTS["images and masks"])
    words = recognise(scan(tmp_path)).words
    with pytest.raises(StudyError, match=r"no text file matches \{split\}\.txt; .* or split at random") as error:
        composed(tmp_path, monkeypatch, *words, "dataset.options.files.split_list='{split}.txt'")
    (at_random,) = alternatives(str(error.value))
    dataset = composed(tmp_path, monkeypatch, *words, *at_random).dataset
    source = datasets.open_dataset(dataset.name, tmp_path, dataset.options, dataset.heads)
    assert source.own_splits is None and len(everything(source)) == 12


@pytest.mark.parametrize("lists", [("train.txt", "val.txt", "test.txt"), ("splits/train.csv", "splits/test.csv")])
def test_lists_of_the_user_are_the_splits(lists, tmp_path):
    build(tmp_path, LAYOUTS["images and masks"])
    for place, name in enumerate(lists):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        lines = (f"images/{number:03}.jpg masks/{number:03}.png" for number in range(place, 11, len(lists)))
        (tmp_path / name).write_text("\n".join(lines))
    source = datasets.open_dataset("folder", tmp_path, {"files": AUTO})
    for place, split in enumerate(source.own_splits):
        items = everything(source.of_split(split))
        assert {int(item.id) % len(lists) for item in items} == {place if split != "test" else len(lists) - 1}
    assert any("1 images are in no list" in note for note in source.notes)


def test_two_kinds_of_mask_are_no_guess(tmp_path, monkeypatch):
    build(tmp_path, LAYOUTS["images and masks"])
    build(tmp_path, ("images/{n}.jpg", "masks_old/{n}.png"))
    found = recognise(scan(tmp_path))
    assert not found.dataset and "there are 2 mask files for each image" in found.nearest
    for typed in ("dataset.options.files.mask=", "dataset.options.files.mask="):
        assert typed in found.nearest
    words = [word for word in shlex.split(found.nearest) if word.startswith("dataset.")]
    assert len(words) == 2
    for word in words:
        dataset = composed(tmp_path, monkeypatch, "dataset=folder", f"dataset.path={tmp_path}", word).dataset
        source = datasets.open_dataset("folder", tmp_path, dataset.options, dataset.heads)
        assert np.array_equal(source.example(everything(source)[3], SIZE).mask, values(3))


def test_folders_without_a_sign_are_told_apart_by_a_look(tmp_path, monkeypatch):
    build(tmp_path, ("left/{n}.jpg", "right/{n}.png"))
    message = recognise(scan(tmp_path)).nearest
    words = [word for word in shlex.split(message) if word.startswith("dataset.options")]
    assert len(words) == 2
    dataset = composed(tmp_path, monkeypatch, "dataset=folder", f"dataset.path={tmp_path}", *words).dataset
    source = datasets.open_dataset("folder", tmp_path, dataset.options, dataset.heads)
    assert np.array_equal(source.example(everything(source)[3], SIZE).mask, values(3))


def test_another_head_is_suggested(tmp_path, monkeypatch):
    build(tmp_path, DEPTH["rgb and depth"], depth=True)
    with pytest.raises(StudyError, match="no mask, but depth; type dvc exp run -S dataset=rgbd") as error:
        check_choices(composed_folder(tmp_path, monkeypatch))
    words = shlex.split(str(error.value).partition("type dvc exp run")[2])[1::2]
    check_choices(composed(tmp_path, monkeypatch, *words, "loss=l1", "scale=smoke"))


def composed_folder(path, monkeypatch, *words, output=None):
    return composed(output or path, monkeypatch, "dataset=folder", f"dataset.path={path}", *words)


def test_a_wrong_layout_is_found_in_check(tmp_path, monkeypatch):
    build(tmp_path, LAYOUTS["images and masks"])
    check_choices(composed_folder(tmp_path, monkeypatch))
    (tmp_path / "masks/003.png").rename(tmp_path / "masks/003.psd")
    with pytest.raises(
        StudyError, match=r"1 images have no mask \(first: images/003\.jpg, but masks/003\.psd is there, and on"
    ):
        check_choices(composed_folder(tmp_path, monkeypatch))
    check_choices(composed_folder(tmp_path, monkeypatch, "dataset.options.allow_missing=true"))
    with pytest.raises(StudyError, match=r"dataset\.heads: .* has no depth"):
        check_choices(composed_folder(tmp_path, monkeypatch, "dataset.heads=[mask,depth]", "loss=bce"))


@pytest.mark.parametrize(("suffix", "kind"), [(".zip", "zip"), (".tar", "tar"), (".tar.gz", "gztar")])
def test_a_wrong_layout_in_an_archive_is_found_in_check(suffix, kind, tmp_path, monkeypatch):
    build(tmp_path / "data", LAYOUTS["images and masks"])
    archive = tmp_path / f"data{suffix}"
    shutil.make_archive(str(tmp_path / "data"), kind, tmp_path, "data")
    check_choices(composed_folder(archive, monkeypatch, output=tmp_path))
    (tmp_path / "data/masks/003.png").unlink()
    shutil.make_archive(str(tmp_path / "data"), kind, tmp_path, "data")
    with pytest.raises(StudyError, match=r"1 images have no mask \(first: data/images/003\.jpg\)"):
        composed_folder(archive, monkeypatch, output=tmp_path)
    (tmp_path / "lists.txt").write_text("")
    shutil.make_archive(str(tmp_path / "data"), kind, tmp_path, "lists.txt")
    with pytest.raises(StudyError, match="no images in it"):
        composed_folder(archive, monkeypatch, output=tmp_path)


def test_other_suffixes_are_said(tmp_path):
    (tmp_path / "a.heic").write_bytes(b"")
    with pytest.raises(
        StudyError, match=r"no images in it; seen: \.heic; read are \.bmp, .*; convert the files, or correct"
    ):
        datasets.open_dataset("folder", tmp_path, {"files": AUTO})


@pytest.mark.parametrize(
    "text", ["/a b/c", "it's", 'a"b', "a\\", 'a\\"', "${x}", "a=b,c", "{x}", "ü[1]", "", "#", "a:b\\n"]
)
def test_a_choice_may_have_any_characters(text, tmp_path):
    path = tmp_path / "params.yaml"
    composition.compose(path, [choice("dataset.path", text)])
    assert yaml.safe_load(path.read_text())["dataset"]["path"] == text
