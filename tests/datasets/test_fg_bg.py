"""Every layout is built small, with a colour of its own per background and a value of its own per image, so that a
wrong partner shows in the pixels.
"""

import csv
import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from loss_study import datasets
from loss_study.datasets.layouts.layout import Layout
from loss_study.datasets.layouts.pattern import Pattern
from loss_study.datasets.reading import colour_maps
from loss_study.runtime.errors import StudyError
from support.data_at_hand import composed

SIZE = 16
CONF = yaml.safe_load((Path(__file__).parents[2] / "conf" / "dataset" / "fg_bg.yaml").read_text(encoding="utf-8"))
#: A block of JPEG, so that its value survives.
OBJECT = (slice(0, 8), slice(0, 8))


def colour(background: int) -> tuple[int, int, int]:
    return (10 + 20 * background, 250 - 20 * background, 7 * background)


def save(path: Path, array: np.ndarray, size: int = SIZE, **options) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).resize((size, size), Image.Resampling.NEAREST).save(path, **options)


def write_background(path: Path, background: int, size: int = SIZE) -> None:
    save(path, np.full((SIZE, SIZE, 3), colour(background), np.uint8), size, quality=95, subsampling=0)


def write_one(
    background: int,
    value: int,
    image: Path,
    mask: Path | None = None,
    depth: Path | None = None,
    channels: int = 1,
    sizes: tuple[int, int] = (SIZE, SIZE),
) -> None:
    """A composite on `background`; its object, mask and depth tell `value`."""
    composite = np.full((SIZE, SIZE, 3), colour(background), np.uint8)
    composite[OBJECT] = value
    save(image, composite, sizes[0], quality=95, subsampling=0)
    for path, level, size in ((mask, 255 - value, sizes[0]), (depth, 255 - 2 * value, sizes[1])):
        if path is not None:
            flat = np.full((SIZE, SIZE), level, np.uint8)
            save(path, flat if channels == 1 else np.repeat(flat[..., None], channels, axis=2), size, quality=95)


def open_auto(path: Path, **changes):
    return datasets.open_dataset("fg_bg", path, {**CONF["options"], **changes})


def layout_of(source) -> str:
    return source.notes[0].split("'")[1]


def everything(source, count: int = 10**6):
    return sorted(source.draw(None, None, count, np.random.default_rng(0)), key=lambda item: item.id)


def check_partners(source, expected: int, *, mask: bool = True, depth: bool = True) -> None:
    """Each image's object tells its value, its ground the background: mask, depth and background must agree."""
    items = everything(source)
    assert len({item.id for item in items}) == len(items) == expected
    for item in items:
        example = source.example(item, SIZE)
        value = int(example.image[2:6, 2:6].mean().round())
        assert (example.mask is not None, example.depth is not None) == (mask, depth)
        if mask:
            assert abs(int(example.mask[8, 8]) - (255 - value)) <= 2, item
        if depth:
            assert abs(example.depth[8, 8] / 257 - (255 - 2 * value)) <= 3, item
        if source.has_background_images:
            difference = source.background(item.background, SIZE)[10:, 10:].astype(int) - example.image[10:, 10:]
            assert np.abs(difference).max() <= 4, item


def build_image_number(root: Path, folder: str = "bg", backgrounds: int = 12, first: int = 0) -> None:
    # Names whose natural order is neither the alphabetical one nor the order of creation.
    for background in reversed(range(backgrounds)):
        write_background(root / folder / f"ground{background * 3}.jpg", background)
    for number in range(2 * backgrounds):
        name = f"Image_{number // 2 + first}_{number}.jpg"
        paths = (root / kind / name for kind in ("fg_bg", "fg_bg_mask", "fg_bg_depth"))
        write_one(number // 2, 10 + 3 * number, *paths)


@pytest.mark.parametrize("kind", ["zip", "tar", "gztar"])
def test_a_missing_partner_in_an_archive_is_found_in_check(tmp_path, monkeypatch, kind):
    build_image_number(tmp_path / "data")

    def check():
        archive = shutil.make_archive(str(tmp_path / "packed"), kind, tmp_path / "data")
        composed(tmp_path, monkeypatch, "dataset=fg_bg", f"dataset.path={archive}")

    check()
    (tmp_path / "data/fg_bg_mask/Image_3_7.jpg").unlink()
    with pytest.raises(StudyError, match=r"Image_3_7\.jpg"):
        check()


@pytest.mark.parametrize(("folder", "first"), [("bg", 0), ("bg_images", 0), ("bg", 1)])
def test_layout_1_finds_the_background_by_its_place_in_natural_order(tmp_path, folder, first):
    build_image_number(tmp_path, folder, first=first)
    source = open_auto(tmp_path)
    assert layout_of(source) == "image_number"
    assert source.backgrounds == tuple(f"ground{3 * background}" for background in range(12))
    check_partners(source, 24)


def test_an_unsorted_listing_does_not_matter(tmp_path, monkeypatch):
    from loss_study.datasets.layouts import listing

    build_image_number(tmp_path)
    walk = listing.os.walk

    def shuffled(*args, **options):
        for path, folders, names in walk(*args, **options):
            yield path, folders, np.random.default_rng(3).permutation(names).tolist()

    monkeypatch.setattr(listing.os, "walk", shuffled)
    check_partners(open_auto(tmp_path), 24)


@pytest.mark.parametrize("first", [0, 1])
def test_where_both_first_numbers_fit_the_images_decide(tmp_path, first):
    build_image_number(tmp_path, first=first)
    for folder in ("fg_bg", "fg_bg_mask", "fg_bg_depth"):
        for path in [*(tmp_path / folder).glob(f"Image_{11 + first}_*"), *(tmp_path / folder).glob(f"Image_{first}_*")]:
            path.unlink()
    if first == 1:
        for path in tmp_path.glob("*/Image_12_*"):
            path.unlink()
    check_partners(open_auto(tmp_path), 20)


def test_images_that_show_other_backgrounds_are_an_error(tmp_path):
    build_image_number(tmp_path)
    (tmp_path / "bg" / "ground0.jpg").rename(tmp_path / "bg" / "ground99.jpg")
    with pytest.raises(StudyError, match=r"Image_.*should be bg/ground.*but it shows bg/ground"):
        open_auto(tmp_path)


def test_layout_2_counts_four_thousand_images_per_background(tmp_path):
    for background in (0, 2, 11):
        write_background(tmp_path / f"bg/bg_{background:03}.jpg", background)
    for number, value in ((0, 20), (3999, 30), (8000, 40), (8050, 50), (47999, 60)):
        names = (tmp_path / kind / f"img_{number:04}.jpg" for kind in ("fg_bg", "fg_bg_mask", "fg_bg_depth"))
        write_one(number // 4000, value, *names, channels=3)
    source = open_auto(tmp_path)
    assert layout_of(source) == "running_number"
    assert source.backgrounds == ("bg_000", "bg_002", "bg_011")
    check_partners(source, 5)
    bright = open_auto(tmp_path, near="bright")
    for item in everything(source):
        depth, other = source.example(item, SIZE).depth, bright.example(item, SIZE).depth
        assert np.array_equal(65535 - depth, other)


def build_suffix(root: Path) -> None:
    for background in range(3):
        write_background(root / f"bg/bg{background + 1:03}.jpeg", background)
        for subject in range(4):
            name = f"bg{background + 1:03}_fg{subject + 1:03}_01"
            write_one(
                background,
                10 + 8 * (4 * background + subject),
                root / f"bg_fg/{name}.jpeg",
                root / f"bg_fg_mask/{name}_mask.jpeg",
                root / f"bg_fg_depth_map/{name}_depth_map.jpeg",
            )
    (root / "file_map.txt").write_text("bg001_fg001_01 bg001\n")
    (root / "bbox.txt").write_text("bg001_fg001_01 1 2 3 4\n")


def test_layout_3_reads_background_and_object_from_the_name(tmp_path):
    build_suffix(tmp_path)
    source = open_auto(tmp_path)
    assert layout_of(source) == "suffix"
    assert source.objects == ("fg001", "fg002", "fg003", "fg004")
    check_partners(source, 12)
    drawn = source.draw(["bg001", "bg003"], ["fg002"], 10, np.random.default_rng(1))
    assert {item.id for item in drawn} == {"bg001_fg002_01", "bg003_fg002_01"}
    assert {(item.background, item.object) for item in drawn} == {("bg001", "fg002"), ("bg003", "fg002")}
    assert len(source.draw(None, None, 5, np.random.default_rng(1))) == 5


def test_layout_4_has_a_prefix_per_folder_and_readmes(tmp_path):
    for background in range(2):
        write_background(tmp_path / f"bg/bg_{background + 1}.jpg", background, 220)
    for number, value in ((1, 20), (638, 30), (4001, 40)):
        write_one(
            number // 4000,
            value,
            tmp_path / f"fg_bg/fg_bg_{number}.jpg",
            tmp_path / f"fg_bg_mask/fg_bg_mask_{number}.jpg",
            tmp_path / f"depthmap/depth_{number}.jpg",
            channels=3,
            sizes=(220, 220),
        )
    for folder in tmp_path.iterdir():
        for stray in ("readme.md", "._a.jpg", ".DS_Store", "Thumbs.db"):
            (folder / stray).write_bytes(b"stray")
    source = open_auto(tmp_path)
    assert layout_of(source) == "prefix"
    check_partners(source, 3)


def build_log(root: Path, line: str) -> None:
    lines = []
    for background in range(3):
        write_background(root / f"bg/bg/scene {background}.jpg".replace(" ", "_"), background)
    for number in range(9):
        background = (5 * number + 1) % 3
        write_one(
            background,
            10 + 9 * number,
            root / f"images/Img_fg_bg_{202217 + number}.jpg",
            root / f"masks/Img_fg_bg_mask{202217 + number}.jpg",
            root / f"depth_zip/x/Img_fg_bg_{202217 + number}_depth.jpg",
            sizes=(192, 200),
        )
        lines.append(line.format(image=f"Img_fg_bg_{202217 + number}.jpg", background=f"scene_{background}.jpg"))
    (root / "log.txt").write_text("\n".join(["a log", *lines]))


@pytest.mark.parametrize(
    "line", ["{image} {background}", "'{image}': '/content/bg/{background}',", "12\t{background} -> {image}"]
)
def test_layout_5_finds_the_background_in_a_log(tmp_path, line):
    build_log(tmp_path, line)
    source = open_auto(tmp_path)
    assert layout_of(source) == "log"
    check_partners(source, 9)


def test_layout_6_folders_differ_in_size(tmp_path):
    for background in range(2):
        write_background(tmp_path / f"bg/{background}.jpg", background, 224)
    for number in range(4):
        names = (
            tmp_path / kind / f"Image_{number // 2}_{number}.jpg" for kind in ("fg_bg", "fg_bg_mask", "fg_bg_depth")
        )
        write_one(number // 2, 20 + 9 * number, *names, sizes=(224, 112))
    source = open_auto(tmp_path)
    check_partners(source, 4)
    example = source.example(everything(source)[0], 48)
    assert (example.image.shape, example.mask.shape, example.depth.shape) == ((48, 48, 3), (48, 48), (48, 48))


def build_table(root: Path, colours: str = "plasma") -> None:
    rows = []
    for background in range(3):
        write_background(root / f"bgs/park{background}.jpg", background)
    ramp = colour_maps.colours(colours)
    for number in range(9):
        background, value = (2 * number) % 3, 10 + 9 * number
        write_one(background, value, root / f"part{number % 2}/a{number}.jpg", root / f"masks/m{8 - number}.jpg")
        depth = np.broadcast_to(ramp[255 - 2 * value], (240, 320, 3)).astype(np.uint8)
        path = root / f"depths/d{(number * 4) % 9}.jpg"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(depth).save(path, quality=95, subsampling=0)
        rows.append((f"a{number}.jpg", f"m{8 - number}.jpg", path.name, f"park{background}.jpg", "outdoor"))
    with (root / "data.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("ImageName", "MaskName", "Depthname", "BGImageName", "BGType"), *rows])


def test_layout_7_reads_a_table_and_converts_colours_back_into_depth(tmp_path):
    build_table(tmp_path)
    source = open_auto(tmp_path)
    assert layout_of(source) == "table"
    assert any("'plasma'" in note for note in source.notes)
    check_partners(source, 9)


@pytest.mark.parametrize(
    ("row", "second"),
    [
        ("a3.jpg,m0.jpg,d3.jpg,park0.jpg,outdoor", "a second mask for a3.jpg"),
        ("a3.jpg,m5.jpg,d3.jpg,park1.jpg,outdoor", "a second background for a3.jpg"),
        ("a3.jpg,m5.jpg,d3.jpg,park0.jpg,outdoor", ""),
    ],
    ids=["mask", "background", "the same"],
)
def test_a_table_that_names_two_files_for_an_image_is_refused(tmp_path, row, second):
    """The first row was taken, and the other one forgotten without a word."""
    build_table(tmp_path)
    with (tmp_path / "data.csv").open("a") as file:
        file.write(f"{row}\n")
    if second:
        with pytest.raises(StudyError, match=f"names {second}; correct it"):
            open_auto(tmp_path)
    else:
        check_partners(open_auto(tmp_path), 9)


@pytest.mark.parametrize("name", colour_maps.NAMES)
def test_every_known_colour_map_is_inverted(tmp_path, name):
    values = np.tile(np.arange(256, dtype=np.uint8), (64, 1))
    Image.fromarray(colour_maps.colours(name)[values]).save(tmp_path / "ramp.png")
    assert colour_maps.recognise([tmp_path / "ramp.png"]) == name
    read = colour_maps.read_values(tmp_path / "ramp.png", name)
    # Neighbouring values may have the same colour.
    assert np.array_equal(colour_maps.colours(name)[read], colour_maps.colours(name)[values])
    assert np.abs(read.astype(int) - values).max() <= 2


def test_an_unknown_colour_map_is_named_as_such(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    assert colour_maps.recognise([tmp_path / "noise.png"]) == ""


def test_layout_8_has_a_folder_per_background(tmp_path):
    for background in range(11):
        write_background(tmp_path / f"bg/bg_{background}.jpg", background)
        for number in range(2):
            names = (
                tmp_path / f"{kind}/bg_{background}/{number}.jpg" for kind in ("fg_bg", "fg_bg_mask", "fg_bg_depth")
            )
            write_one(background, 10 + 4 * (2 * background + number), *names)
    source = open_auto(tmp_path)
    assert layout_of(source) == "folder_per_background"
    assert everything(source)[0].id == "bg_0/0"
    check_partners(source, 22)


def test_layout_9_has_masks_in_subfolders_and_nothing_else(tmp_path):
    for number in range(6):
        write_one(
            number,
            10 + 9 * number,
            tmp_path / f"dataset_training/fg_bg/shot{number}.png",
            tmp_path / f"dataset_training/mask_fg_bg/part{number % 2}/mask_shot{number}.png",
        )
    for root in (tmp_path, tmp_path / "dataset_training"):
        source = open_auto(root)
        assert layout_of(source) == "mask_only"
        assert (source.backgrounds, source.has_background_images) == (None, False)
        check_partners(source, 6, depth=False)


def test_layout_10_has_depth_only(tmp_path):
    for number in range(12):
        write_one(
            number,
            9 * number,
            tmp_path / f"output/images/fgbg{number}.jpg",
            None,
            tmp_path / f"output/depth/fgbg{number}.jpg",
        )
    source = open_auto(tmp_path)
    assert layout_of(source) == "depth_only"
    assert (source.backgrounds, source.objects, source.has_background_images) == (None, None, False)
    check_partners(source, 12, mask=False)


def test_layout_11_is_sent_to_composites(tmp_path):
    write_background(tmp_path / "data/bg/bg001.jpg", 0)
    write_background(tmp_path / "data/fg/fg001.png", 1)
    write_background(tmp_path / "data/fg_mask/fg001.png", 1)
    with pytest.raises(StudyError, match="dataset=composites"):
        open_auto(tmp_path)


def test_soft_mask_edges_stay(tmp_path):
    build_suffix(tmp_path)
    soft = np.tile(np.linspace(0, 255, SIZE).astype(np.uint8), (SIZE, 1))
    save(tmp_path / "bg_fg_mask/bg001_fg001_01_mask.jpeg", soft, quality=95)
    source = open_auto(tmp_path)
    mask = source.example(everything(source)[0], SIZE).mask
    assert np.abs(mask.astype(int) - soft).max() <= 6
    assert len(np.unique(mask)) >= 12


def test_a_gif_called_jpg_is_read(tmp_path):
    build_suffix(tmp_path)
    path = tmp_path / "bg_fg_mask/bg001_fg001_01_mask.jpeg"
    Image.open(path).save(tmp_path / "mask.gif")
    (tmp_path / "mask.gif").rename(path)
    check_partners(open_auto(tmp_path), 12)


@pytest.mark.parametrize(
    ("removed", "said"),
    [
        ("bg_fg_mask/bg001_fg002_01_mask.jpeg", r"1 images have no mask \(first: bg_fg/bg001_fg002_01.jpeg\)"),
        ("bg_fg_depth_map/bg001_fg002_01_depth_map.jpeg", "1 images have no depth map"),
        ("bg_fg/bg001_fg002_01.jpeg", r"1 masks have no image \(first: bg_fg_mask/bg001_fg002_01_mask.jpeg\)"),
        ("bg/bg002.jpeg", r"4 images have no background \(first: bg_fg/bg002_fg001_01.jpeg\)"),
    ],
)
def test_a_file_without_its_partner_is_an_error_or_left_out(tmp_path, removed, said):
    build_suffix(tmp_path)
    (tmp_path / removed).unlink()
    with pytest.raises(StudyError, match=f"{said}.*allow_missing=true"):
        open_auto(tmp_path)
    source = open_auto(tmp_path, allow_missing=True)
    check_partners(source, 8 if "bg002.jpeg" in removed else 11)
    assert any(note.startswith("Left out as incomplete: ") for note in source.notes)


def test_a_background_number_beyond_the_folder_is_an_error(tmp_path):
    build_image_number(tmp_path, backgrounds=4)
    write_one(0, 99, *(tmp_path / kind / "Image_7_99.jpg" for kind in ("fg_bg", "fg_bg_mask", "fg_bg_depth")))
    with pytest.raises(StudyError, match=r"Image_7_99\.jpg: needs background 7, but there are 4 from 0 on"):
        open_auto(tmp_path)


def test_a_missing_kind_names_the_nearest_layout(tmp_path):
    build_suffix(tmp_path)
    for path in (tmp_path / "bg_fg_depth_map").iterdir():
        path.unlink()
    with pytest.raises(StudyError, match=r"the nearest is suffix, but no depth .*layouts\.suffix\.depth=null"):
        open_auto(tmp_path)
    layouts = json.loads(json.dumps(CONF["options"]["layouts"]))
    layouts["suffix"]["depth"] = None
    check_partners(open_auto(tmp_path, layouts=layouts), 12, depth=False)


def test_two_fitting_layouts_are_an_error(tmp_path):
    build_suffix(tmp_path)
    layouts = {"one": CONF["options"]["layouts"]["suffix"], "two": CONF["options"]["layouts"]["suffix"]}
    with pytest.raises(StudyError, match="more than one layout, one, two"):
        open_auto(tmp_path, layouts=layouts)
    check_partners(open_auto(tmp_path, layouts=layouts, layout="two"), 12)


def test_errors_name_what_is_wrong(tmp_path):
    with pytest.raises(StudyError, match="is not a folder"):
        open_auto(tmp_path / "nowhere")
    with pytest.raises(StudyError, match="no image files"):
        open_auto(tmp_path)
    write_background(tmp_path / "stuff/a.jpg", 0)
    with pytest.raises(StudyError, match=r"fits none of the layouts .*seen: stuff \(1 files, a.jpg"):
        open_auto(tmp_path)
    with pytest.raises(StudyError, match="did you mean 'suffix'"):
        open_auto(tmp_path, layout="sufix")
    with pytest.raises(StudyError, match="no image matches bg_fg/"):
        open_auto(tmp_path, layout="suffix")
    with pytest.raises(StudyError, match=r"dataset.options.layouts.mine.*no \{number\}"):
        open_auto(tmp_path, layouts={"mine": {"image": "a/{x}", "background": "b/*", "background_by": "position"}})


def test_an_unreadable_file_is_named(tmp_path):
    build_suffix(tmp_path)
    (tmp_path / "bg_fg_mask/bg001_fg001_01_mask.jpeg").write_bytes(b"\xff\xd8nothing")
    with pytest.raises(StudyError, match=r"bg001_fg001_01_mask\.jpeg"):
        open_auto(tmp_path)
    build_suffix(tmp_path)
    source = open_auto(tmp_path)
    (tmp_path / "bg_fg_mask/bg001_fg001_01_mask.jpeg").write_bytes(b"\xff\xd8nothing")
    with pytest.raises(StudyError, match=r"bg001_fg001_01_mask\.jpeg"):
        source.example(everything(source)[0], SIZE)


def test_the_same_seed_draws_the_same_and_a_pickled_source_reads_the_same(tmp_path):
    build_suffix(tmp_path)
    source = open_auto(tmp_path)
    other = pickle.loads(pickle.dumps(source))
    drawn = source.draw(None, None, 6, np.random.default_rng(5))
    assert (
        drawn
        == other.draw(None, None, 6, np.random.default_rng(5))
        != source.draw(None, None, 6, np.random.default_rng(6))
    )
    assert np.array_equal(source.example(drawn[0], 24).image, other.example(drawn[0], 24).image)


@pytest.mark.parametrize(
    ("pattern", "name", "words"),
    [
        ("Image_{number}{rest}", "Image_012_3", {"number": "12", "rest": "_3"}),
        ("Image_{number}{rest}", "Image_12", None),
        (
            "{background}_{object}_{place}_mask",
            "bg1_fg2_03_mask",
            {"background": "bg1", "object": "fg2", "place": "03"},
        ),
        ("a{number}", "a1b", None),
        ("*", "", {}),
        ("x.{w}", "xyz", None),
    ],
)
def test_a_pattern_reads_words_from_a_name(pattern, name, words):
    assert Pattern(pattern).name_words(f"{name}.png") == words


def test_a_pattern_is_compared_with_the_end_of_a_path():
    pattern = Pattern("fg_bg/{background}/{name}")
    assert pattern.folder_words("data/files/fg_bg/bg_7") == {"background": "bg_7"}
    assert pattern.folder_words("my_fg_bg/bg_7") is None


def test_a_layout_without_shared_words_is_refused():
    with pytest.raises(ValueError, match="needs words"):
        Layout(image="a/{x}", mask="b/{y}")
    with pytest.raises(ValueError, match="partner"):
        Layout(image="a/{x")
