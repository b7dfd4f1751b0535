"""A cut-out and its mirror image are one object, whatever their files are called."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from scipy.ndimage import gaussian_filter

from loss_study import datasets
from loss_study.datasets.reading import twins
from loss_study.sampling.splitting import draw_splits
from support.data_at_hand import SHARED, needs

CONF = yaml.safe_load((Path(__file__).parents[2] / "conf" / "dataset" / "fg_bg.yaml").read_text(encoding="utf-8"))
CUTOUTS = 12
#: Placements on each background.
PLACES = 3


def smooth(rng, side, sigma):
    field = gaussian_filter(rng.standard_normal((side, side)), sigma)
    return field / field.std()


def made_up_cutout(number, side=60):
    """An irregular shape with a pattern of greys."""
    rng = np.random.default_rng([7, number])
    rows, columns = np.indices((side, side)) / (side - 1) - 0.5
    inside = np.hypot(rows, columns) < 0.33 + 0.1 * smooth(rng, side, 7)
    colour = np.clip(128 + 50 * smooth(rng, side, 5), 0, 255)
    return Image.fromarray(np.dstack([colour, colour, colour, 255 * inside]).astype(np.uint8), "RGBA")


def mirrored(cutout):
    return cutout.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def composite(cutout, background, rng, size, smallest=0.35):
    """The cut-out somewhere on the background, and its mask."""
    side = rng.uniform(smallest, 2 * smallest) * size
    small = cutout.resize([max(2, round(one * side / max(cutout.size))) for one in cutout.size])
    image, mask = background.resize((size, size)), Image.new("L", (size, size))
    place = tuple(int(rng.integers(0, size - one + 1)) for one in small.size)
    image.paste(small, place, small)
    mask.paste(small.getchannel("A"), place)
    return image, mask


def write_named_copy(root, cutouts, backgrounds, size=112, quality=75):
    """The layout "suffix" with the cut-outs and, under the numbers that follow, their mirror images."""
    rng = np.random.default_rng(3)
    named = [*cutouts, *map(mirrored, cutouts)]
    for folder in ("bg", "bg_fg", "bg_fg_mask"):
        (root / folder).mkdir()
    for number, background in enumerate(backgrounds):
        background.resize((size, size)).save(root / "bg" / f"bg{number:03}.jpeg", quality=90)
        for subject, cutout in enumerate(named):
            for place in range(PLACES):
                name = f"bg{number:03}_fg{subject:03}_{place:02}"
                image, mask = composite(cutout, background, rng, size)
                image.save(root / "bg_fg" / f"{name}.jpeg", quality=quality)
                mask.save(root / "bg_fg_mask" / f"{name}_mask.jpeg", quality=quality)


def open_named(root):
    layouts = CONF["options"]["layouts"]
    suffix = {kind: pattern for kind, pattern in layouts["suffix"].items() if kind != "depth"}
    return datasets.open_dataset("fg_bg", root, {**CONF["options"], "layouts": {"suffix": suffix}})


def made_up_backgrounds(count):
    rng = np.random.default_rng(1)
    for _ in range(count):
        values = np.clip(128 + 40 * np.dstack([smooth(rng, 112, 9)] * 3), 0, 255)
        yield Image.fromarray(values.astype(np.uint8))


def number_of(item):
    """The number in the file name, that of the cut-out or of its mirror image."""
    return int(item.id.partition("_fg")[2][:3])


def check_twins_stay_together(source, count):
    splits, notes = draw_splits(source, 150, 0.2, 0.2, 0)
    shown = [{number_of(item) % count for item in items} for items in splits.values()]
    assert not any(one & other for one, other in combinations(shown, 2))
    assert any(number_of(item) >= count for item in splits["test"])
    assert any(f"{count} of the {2 * count} are another one's mirror image or copy" in note for note in source.notes)
    assert any("The splits share no objects: " in note for note in notes)


def test_named_mirror_images_are_in_the_split_of_their_cutout(tmp_path):
    """Of 208 named cut-outs, 104 of them mirror images, 65 % of the test had their twin in training."""
    cutouts = [made_up_cutout(number) for number in range(CUTOUTS)]
    write_named_copy(tmp_path, cutouts, list(made_up_backgrounds(5)))
    source = open_named(tmp_path)
    assert source.objects == tuple(f"fg{number:03}" for number in range(CUTOUTS))
    check_twins_stay_together(source, CUTOUTS)


@needs("photos")
def test_photographed_mirror_images_are_in_the_split_of_their_cutout(tmp_path):
    cutouts, backgrounds = (
        [Image.open(path).convert(mode) for path in sorted((SHARED / "photos" / kind).iterdir())[:count]]
        for kind, mode, count in (("fg", "RGBA", 24), ("bg", "RGB", 6))
    )
    write_named_copy(tmp_path, cutouts, backgrounds)
    check_twins_stay_together(open_named(tmp_path), 24)


def test_without_masks_objects_are_told_apart_by_name_and_it_is_said(tmp_path):
    cutouts = [made_up_cutout(number) for number in range(4)]
    write_named_copy(tmp_path, cutouts, list(made_up_backgrounds(4)))
    layout = {"image": "bg_fg/{background}_{object}_{place}", "background": "bg/{background}"}
    options = {**CONF["options"], "layouts": {"bare": layout}}
    source = datasets.open_dataset("fg_bg", tmp_path, options)
    assert len(source.objects) == 8
    _, notes = draw_splits(source, 60, 0.2, 0.2, 0)
    assert not any("share no objects" in note for note in notes)
    assert any("a mirror image under another name may be" in note for note in notes)


def test_a_folder_of_cutouts_and_their_mirror_images_has_half_as_many_objects(tmp_path):
    """In another file format, or in another size: the mirror image is found all the same."""
    for folder in ("bg", "fg"):
        (tmp_path / folder).mkdir()
    for number, background in enumerate(made_up_backgrounds(4)):
        background.save(tmp_path / "bg" / f"{number}.jpg")
    for number in range(CUTOUTS):
        cutout = made_up_cutout(number)
        cutout.save(tmp_path / "fg" / f"one_{number:02}.png")
        other = mirrored(cutout) if number % 3 else cutout
        if number % 2:
            other.resize((41, 41)).save(tmp_path / "fg" / f"two_{number:02}.png")
        else:
            other.save(tmp_path / "fg" / f"two_{number:02}.webp", quality=60)
    source = datasets.open_dataset("composites", tmp_path, {})
    assert list(source.objects) == [f"one_{number:02}" for number in range(CUTOUTS)]
    items = source.draw(None, ["one_03"], 400, np.random.default_rng(0))
    assert {item.object for item in items} == {"one_03"}
    assert {item.id.partition("+")[2].partition("@")[0] for item in items} == {"one_03", "two_03"}
    shown = [source.example(item, 64).mask for item in items[:20]]
    assert all(mask.max() == 255 for mask in shown)
    assert any("12 of the 24 are another one's mirror image or copy; they count" in note for note in source.notes)


def test_different_cutouts_are_different_objects():
    portraits = [portrait_of(made_up_cutout(number)) for number in range(60)]
    assert np.array_equal(twins.groups(portraits), np.arange(60))


def portrait_of(cutout):
    found = twins.portrait(cutout.convert("RGB").convert("L"), cutout.getchannel("A"))
    assert found is not None
    return found


def test_likeness_by_hand():
    """A cut-out is like itself; with a half of its shape the IoU is 1/2; upside down in grey it is the opposite."""
    mask, ramp = np.ones((24, 24), np.float32), np.tile(np.linspace(0, 1, 24, dtype=np.float32), (24, 1))
    half = mask.copy()
    half[12:] = 0
    one = twins.Portrait(mask, ramp, 1.0)
    others = [
        one,
        twins.Portrait(half, ramp, 1.0),
        twins.Portrait(mask, 1 - ramp, 1.0),
        twins.Portrait(mask, ramp, 2.0),
    ]
    others += [twins.Portrait(mask, 0.5 * mask, 1.0), one.mirrored]
    assert twins.likeness([one], others)[0] == pytest.approx([1, 0.5, -1, 0.5, 0, -1], abs=1e-5)
    assert twins.groups([others[2], others[4], one]).tolist() == [0, 1, 0]


@needs("photos")
def test_photographed_twins_are_found_and_nothing_else():
    """121 cut-outs and their mirror images, each in 6 composites with JPEG's losses: see `twins.ALIKE`."""
    cutouts, backgrounds = (
        [Image.open(path).convert(mode) for path in sorted((SHARED / "photos" / kind).iterdir())]
        for kind, mode in (("fg", "RGBA"), ("bg", "RGB"))
    )
    rng = np.random.default_rng(0)

    def of_composites(cutout):
        views = [composite(cutout, backgrounds[rng.integers(len(backgrounds))], rng, 112) for _ in range(6)]
        return twins.mean([one for image, mask in views if (one := twins.portrait(image.convert("L"), mask))])

    plain, flipped = ([of_composites(turn(one)) for one in cutouts] for turn in (lambda one: one, mirrored))
    alike = twins.likeness(plain, [one.mirrored for one in flipped]) >= twins.ALIKE
    assert np.diagonal(alike).mean() >= 0.97
    assert alike.sum() == np.diagonal(alike).sum()
    assert np.array_equal(twins.groups(plain), np.arange(len(cutouts)))
