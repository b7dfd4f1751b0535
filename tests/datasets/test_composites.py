"""Composites of the user's own images: pasting, depth, the virtual product, and what is refused."""

from __future__ import annotations

import os
import pickle
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from loss_study import datasets
from loss_study.datasets.base import Item
from loss_study.datasets.composites import ground_depth
from loss_study.runtime.errors import StudyError

SIZE = 64
GREY = 90
SHARED = Path(os.environ.get("LOSS_STUDY_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
PHOTOS = SHARED / "photos"


def save(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


def disc(colour, *, hidden=(255, 255, 255), side=60, margin=10):
    """An RGBA disc with a hard edge; `hidden` is the colour of its transparent pixels."""
    rows, columns = np.indices((side, side)) - (side - 1) / 2
    inside = np.hypot(rows, columns) < side / 2 - margin
    values = np.empty((side, side, 4), np.uint8)
    values[..., :3] = np.where(inside[..., None], colour, hidden)
    values[..., 3] = 255 * inside
    return values


@pytest.fixture
def folder(tmp_path):
    """Four flat grey backgrounds and three cut-outs."""
    for number in range(4):
        save(tmp_path / "bg" / f"bg_{number}.png", np.full((80, 80, 3), GREY + number, np.uint8))
    for number, colour in enumerate([(250, 10, 10), (10, 250, 10), (10, 10, 250)]):
        save(tmp_path / "fg" / f"fg_{number}.png", disc(colour))
    return tmp_path


def open_(folder, **options):
    return datasets.open_dataset("composites", folder, options)


def all_items(source):
    return source.draw(None, None, 10**9, np.random.default_rng(0))


# --- the virtual product ---


def test_product_counts_mirror_images_and_places(folder):
    items = all_items(open_(folder, placements=5))
    assert len(items) == 4 * 3 * 2 * 5
    assert len({item.id for item in items}) == len(items)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"caf\xe9", r"caf\xe9"),
        (b"line\nbreak", r"line\nbreak"),
        (b"tab\t\x1b[31m", r"tab\t\x1b[31m"),
        (b"<b>'\"&amp;,@", "<b>'\"&amp;,@"),
    ],
)
def test_names_in_any_encoding_become_ids_in_one_line(folder, name, shown):
    for place in ("bg/bg_0.png", "fg/fg_0.png"):
        (folder / place).rename((folder / place).with_name(os.fsdecode(name) + ".png"))
    source = open_(folder, placements=1)
    assert shown in source.backgrounds and shown in source.objects
    item = next(item for item in all_items(source) if item.id == f"{shown}+{shown}@00m")
    assert item.background == item.object == shown
    example = source.example(item, SIZE)
    assert example.mask.any() and (example.image[example.mask == 0] == GREY).all()


def test_mirror_image_is_the_same_cutout(folder):
    items = {item.id: item for item in all_items(open_(folder, placements=1))}
    assert items["bg_2+fg_1@00"] == Item("bg_2+fg_1@00", "bg_2", "fg_1")
    assert items["bg_2+fg_1@00m"] == Item("bg_2+fg_1@00m", "bg_2", "fg_1")


def test_draw_keeps_to_its_identities_and_is_repeatable(folder):
    source = open_(folder)
    items = source.draw(["bg_1", "bg_3"], ["fg_2"], 30, np.random.default_rng(4))
    assert items == source.draw(["bg_1", "bg_3"], ["fg_2"], 30, np.random.default_rng(4))
    assert {item.background for item in items} == {"bg_1", "bg_3"}
    assert {item.object for item in items} == {"fg_2"}
    assert len({item.id for item in items}) == 30


def test_drawing_from_a_huge_product_needs_little_memory(folder):
    source = open_(folder, placements=10**8)
    tracemalloc.start()
    items = source.draw(None, None, 500, np.random.default_rng(0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len({item.id for item in items}) == 500
    assert peak < 2**20


def test_identities_are_the_sorted_stems(folder):
    source = open_(folder)
    assert list(source.backgrounds) == ["bg_0", "bg_1", "bg_2", "bg_3"]
    assert list(source.objects) == ["fg_0", "fg_1", "fg_2"]
    assert source.has_background_images


# --- pasting ---


def test_image_is_cutout_over_background_by_alpha(folder):
    source = open_(folder)
    for item in source.draw(["bg_1"], ["fg_0"], 20, np.random.default_rng(0)):
        example = source.example(item, SIZE)
        alpha = example.mask[..., None] / 255
        expected = alpha * np.array([250, 10, 10]) + (1 - alpha) * (GREY + 1)
        assert np.abs(example.image - expected).max() <= 2


@pytest.mark.parametrize("side", [60, 400])
@pytest.mark.parametrize("hidden", [(0, 0, 0), (255, 255, 255)])
def test_hidden_colour_of_transparent_pixels_makes_no_fringe(folder, hidden, side):
    """An object of the background's own colour leaves no trace, whatever colour its transparent pixels have."""
    save(folder / "bg" / "bg_0.png", np.full((80, 80, 3), 128, np.uint8))
    save(folder / "fg" / "fg_0.png", disc((128, 128, 128), hidden=hidden, side=side))
    source = open_(folder)
    examples = [source.example(item, SIZE) for item in source.draw(["bg_0"], ["fg_0"], 20, np.random.default_rng(0))]
    assert sum(((example.mask > 0) & (example.mask < 255)).sum() for example in examples) > 1000
    assert max(np.abs(example.image.astype(int) - 128).max() for example in examples) <= 2


def test_mirror_image_is_mirrored_left_right_only(folder):
    quarters = np.full((60, 60, 4), (10, 10, 250, 255), np.uint8)
    quarters[:30, :30, :3] = (250, 10, 10)
    save(folder / "fg" / "fg_0.png", quarters)
    source = open_(folder)
    for tail, red_quarter in (("", (0, 0)), ("m", (0, 1))):
        example = source.example(Item(f"bg_0+fg_0@03{tail}", "bg_0", "fg_0"), SIZE)
        rows, columns = (np.flatnonzero((example.mask == 255).any(axis=axis)) for axis in (1, 0))
        corners = example.image[np.ix_(rows[[1, -2]], columns[[1, -2]])].astype(int)
        red = corners[..., 0] > corners[..., 2]
        assert np.argwhere(red).tolist() == [list(red_quarter)]


def test_longest_side_is_between_smallest_and_thumbnail_without_the_empty_margin(folder):
    source = open_(folder, thumbnail=0.5, smallest=0.5)
    sides = []
    for item in source.draw(None, None, 200, np.random.default_rng(0)):
        solid = source.example(item, SIZE).mask >= 128
        sides.append(max(np.ptp(np.flatnonzero(solid.any(axis=axis))) + 1 for axis in (0, 1)))
    assert min(sides) >= 0.25 * SIZE - 1 and max(sides) <= 0.5 * SIZE + 1
    assert min(sides) <= 0.28 * SIZE and max(sides) >= 0.47 * SIZE


def test_places_reach_the_sides_and_the_lower_edge(folder):
    source = open_(folder)
    reached = np.zeros((SIZE, SIZE), bool)
    for item in source.draw(None, None, 400, np.random.default_rng(0)):
        reached |= source.example(item, SIZE).mask >= 128
    assert reached[-1].any() and reached[:, 0].any() and reached[:, -1].any()


def test_same_item_is_the_same_scene_at_every_size(folder):
    source = open_(folder)
    for item in source.draw(None, None, 20, np.random.default_rng(0)):
        small = source.example(item, 32).mask / 255
        large = source.example(item, 128).mask.reshape(32, 4, 32, 4).mean(axis=(1, 3)) / 255
        assert ((small > 0.5) & (large > 0.5)).sum() / ((small > 0.5) | (large > 0.5)).sum() > 0.8


def test_example_is_the_same_in_any_order_and_after_pickling(folder):
    source = open_(folder)
    first, second = source.draw(None, None, 2, np.random.default_rng(0))
    before = source.example(first, SIZE)
    before.image.copy()[:] = 0
    source.example(second, SIZE)
    after = pickle.loads(pickle.dumps(source)).example(first, SIZE)
    for name in ("image", "mask", "depth"):
        assert np.array_equal(getattr(before, name), getattr(after, name))


def test_arrays_handed_out_may_be_changed(folder):
    gradient_maps(folder)
    source = open_(folder)
    item = source.draw(None, None, 1, np.random.default_rng(0))[0]

    def made():
        example = source.example(item, SIZE)
        return [example.image, example.mask, example.depth, source.background(item.background, SIZE)]

    before = [array.copy() for array in made()]
    for array in made():
        array[:] = 7
    for array, expected in zip(made(), before, strict=True):
        assert np.array_equal(array, expected)


# --- depth ---


def test_ground_depth_by_hand():
    """Horizon at 0.25, 8 rows: centres at 1/16, 3/16, 5/16, ...; distance 0.75 / (v - 0.25), at most 10 units."""
    assert ground_depth(8, 0.25)[:, 0].tolist() == [65535, 65535, 65535, 26214, 15728, 11235, 8738, 7149]
    assert (ground_depth(8, 0.25) == ground_depth(8, 0.25)[:, :1]).all()


def test_without_maps_an_object_has_the_ground_depth_of_its_foot(folder):
    source = open_(folder)
    for item in source.draw(None, None, 50, np.random.default_rng(0)):
        example = source.example(item, SIZE)
        solid = example.mask >= 128
        foot = np.flatnonzero(solid.any(axis=1))[-1]
        ground = ground_depth(SIZE, 0.25)
        assert set(example.depth[solid]) == {ground[foot, 0]}
        assert np.array_equal(example.depth[~solid], ground[~solid])
        assert ground[foot, 0] < 65535, "nothing stands in the sky"
    assert "ground plane" in source.notes[1]


def gradient_maps(folder, side=80):
    ramp = np.linspace(40, 200, side).astype(np.uint8)
    for number in range(4):
        save(folder / "bg_depth" / f"bg_{number}.png", np.repeat(ramp[None], side, axis=0))


@pytest.mark.parametrize("near", ["dark", "bright"])
def test_with_maps_an_object_is_a_plane_in_front_of_what_it_hides(folder, near):
    gradient_maps(folder)
    source = open_(folder, near=near)
    stored = Image.open(folder / "bg_depth" / "bg_0.png").convert("F")
    bare = np.rint(257 * np.asarray(stored.resize((SIZE, SIZE), Image.Resampling.BILINEAR)))
    expected = 65535 - bare if near == "bright" else bare
    for item in source.draw(["bg_0"], None, 30, np.random.default_rng(0)):
        example = source.example(item, SIZE)
        solid = example.mask >= 128
        assert set(example.depth[solid]) == {expected[solid].min()}
        assert np.array_equal(example.depth[~solid], expected[~solid])
    assert "depth maps" in source.notes[1]


def test_maps_may_be_smaller_than_their_backgrounds(folder):
    gradient_maps(folder, side=40)
    assert open_(folder).example(Item("bg_0+fg_0@00", "bg_0", "fg_0"), SIZE).depth.shape == (SIZE, SIZE)


# --- what is refused ---


def test_missing_and_empty_folders_are_named(folder):
    with pytest.raises(StudyError, match=r"nowhere: no such folder"):
        open_(folder, cutouts="nowhere")
    (folder / "empty").mkdir()
    (folder / "empty" / "readme.md").write_text("none yet")
    with pytest.raises(StudyError, match=r"empty: no images in it; put the backgrounds there"):
        open_(folder, backgrounds="empty")


def test_depth_map_without_background_and_the_reverse_are_named(folder):
    gradient_maps(folder)
    save(folder / "bg_depth" / "bg_9.png", np.zeros((80, 80), np.uint8))
    with pytest.raises(StudyError, match=r"bg_9\.png: a depth map without a background"):
        open_(folder)
    (folder / "bg_depth" / "bg_9.png").unlink()
    (folder / "bg_depth" / "bg_3.png").unlink()
    with pytest.raises(StudyError, match=r"bg_3\.png: a background without a depth map"):
        open_(folder)


def test_depth_map_of_another_aspect_ratio_is_named(folder):
    gradient_maps(folder)
    save(folder / "bg_depth" / "bg_2.png", np.zeros((60, 80), np.uint8))
    with pytest.raises(StudyError, match=r"bg_2\.png: 80x60 does not fit its background of 80x80; save it with"):
        open_(folder)


def test_two_files_of_one_stem_are_named(folder):
    save(folder / "fg" / "fg_1.gif", np.zeros((8, 8), np.uint8))
    with pytest.raises(StudyError, match=r"fg_1\.\w+: fg_1\.\w+ has the same stem; rename or remove"):
        open_(folder)


def test_plus_in_a_background_name_is_refused(folder):
    save(folder / "bg" / "a+b.png", np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(StudyError, match=r"a\+b\.png: .*may not contain '\+'"):
        open_(folder)


def test_cutout_without_alpha_is_named(folder):
    save(folder / "fg" / "fg_1.png", np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(StudyError, match=r"fg_1\.png: has no alpha channel; save the cut-out as PNG"):
        open_(folder).example(Item("bg_0+fg_1@00", "bg_0", "fg_1"), SIZE)


@pytest.mark.parametrize("alpha", [0, 100])
def test_transparent_cutout_is_named(folder, alpha):
    save(folder / "fg" / "fg_1.png", np.full((8, 8, 4), alpha, np.uint8))
    with pytest.raises(StudyError, match=r"fg_1\.png: is transparent everywhere"):
        open_(folder).example(Item("bg_0+fg_1@00", "bg_0", "fg_1"), SIZE)


def test_palette_cutout_with_transparency_is_accepted(folder):
    Image.fromarray(disc((250, 10, 10))).quantize().save(folder / "fg" / "fg_1.png")
    assert Image.open(folder / "fg" / "fg_1.png").mode == "P"
    assert (open_(folder).example(Item("bg_0+fg_1@00", "bg_0", "fg_1"), SIZE).mask == 255).any()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"near": "drak"}, r"dataset\.options\.near: .*'dark' or 'bright'"),
        ({"thumbnail": 1.5}, r"dataset\.options\.thumbnail: .*less than or equal to 1"),
        ({"placements": 0}, r"dataset\.options\.placements"),
        ({"placement": 3}, r"dataset\.options\.placement: no such key; did you mean 'placements'\?"),
    ],
)
def test_wrong_options_are_named(folder, options, words):
    with pytest.raises(StudyError, match=words):
        open_(folder, **options)


def test_configuration_states_every_option_at_its_default():
    text = (Path(__file__).parents[2] / "conf" / "dataset" / "composites.yaml").read_text(encoding="utf-8")
    assert datasets.check("composites", {}) == yaml.safe_load(text)["options"]


# --- real images ---


@pytest.mark.skipif(not PHOTOS.is_dir(), reason=f"no photographs in {PHOTOS}; set LOSS_STUDY_SHARED_DATA")
def test_photographs_have_the_foreground_of_the_original_data():
    """8.46 % of the original's pixels are foreground."""
    source = open_(PHOTOS)
    examples = [source.example(item, SIZE) for item in source.draw(None, None, 1000, np.random.default_rng(0))]
    assert np.mean([example.mask for example in examples]) / 255 == pytest.approx(0.085, abs=0.005)
    assert min((example.mask >= 128).sum() for example in examples) > 0
