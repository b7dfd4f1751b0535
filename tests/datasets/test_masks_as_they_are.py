"""Masks as people have them: read right, or refused with words that read them right when they are typed."""

import re

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageFilter

from loss_study import datasets
from loss_study.datasets.reading import mask_values
from loss_study.runtime.errors import StudyError
from support.data_at_hand import everything, save
from support.typed_words import alternatives, opened

SIZE, COUNT = 64, 6
RNG = np.random.default_rng(0)


def regions(number):
    """Return a map of five regions, 0 most of it; each mask has its own."""
    found = np.zeros((SIZE, SIZE), np.int64)
    for region in range(1, 5):
        top, left = (7 * region + 3 * number) % 40, (13 * region + 5 * number) % 40
        found[top : top + 17, left : left + 14] = region
    return found


def ringed(number):
    """Return the regions with a border of two pixels, 255, about them."""
    found = regions(number)
    inside = Image.fromarray((found > 0).astype(np.uint8) * 255)
    grown = np.asarray(inside.filter(ImageFilter.MaxFilter(5))) > 0
    return np.where(grown & (found == 0), 255, found)


def palette_image(indices):
    """Return an image with the palette of Pascal VOC's first colours; 255 is its beige."""
    image = Image.fromarray(indices.astype(np.uint8)).convert("L")
    colours = {0: (0, 0, 0), 1: (128, 0, 0), 2: (0, 128, 0), 3: (128, 128, 0), 4: (0, 0, 128), 255: (224, 224, 192)}
    image.putpalette([value for index in range(256) for value in colours.get(index, (9, 9, 9))])
    return image


def coloured(indices, colours):
    return np.array(colours, np.uint8)[indices]


def soft(number):
    inside = Image.fromarray((regions(number) > 0).astype(np.uint8) * 255)
    return np.asarray(inside.filter(ImageFilter.GaussianBlur(2)))


def build(root, mask, suffix=".png"):
    """Write images and masks; `mask` makes an array, or an image, from a number."""
    for number in range(COUNT):
        save(root / f"images/p{number}.png", np.full((SIZE, SIZE, 3), 30 * number, np.uint8))
        path, made = root / f"masks/p{number}{suffix}", mask(number)
        path.parent.mkdir(exist_ok=True)
        if suffix == ".npy":
            np.save(path, made)
        elif suffix == ".npz":
            np.savez(path, mask=made)
        elif isinstance(made, Image.Image):
            made.save(path)
        else:
            save(path, made)
    return root


def examples(source):
    return [source.example(item, SIZE) for item in everything(source)]


#: Of every kind: how a mask is made from the map of its regions, and whether that has a border without ground truth.
LABELS = {
    "numbers of instances": (lambda found: found.astype(np.uint8), False),
    "zero and one": (lambda found: (found > 0).astype(np.uint8), False),
    "16 bits": (lambda found: found.astype(np.uint16) * 300, False),
    "255 in 16 bits": (lambda found: (found > 0).astype(np.uint16) * 255, False),
    "instances up to 65535": (lambda found: (found * 16383 + (found > 0) * 3).astype(np.uint16), False),
    "grey values far apart": (lambda found: (found * 60).astype(np.uint8), False),
    "three channels of grey": (lambda found: np.repeat(found[..., None], 3, axis=2).astype(np.uint8), False),
    "labels and a border": (lambda found: found.astype(np.uint8), True),
    "a palette and a border": (palette_image, True),
    "no zero": (lambda found: np.array([2, 1, 3, 4, 5], np.uint8)[found], False),
    "one and 255": (lambda found: np.where(found > 0, 255, 1).astype(np.uint8), False),
    "one and two": (lambda found: np.where(found > 0, 1, 2).astype(np.uint8), False),
    "colours": (lambda found: coloured(found, [(0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255), (9, 9, 9)]), False),
    "colours on white": (lambda found: coloured(found, [(255, 255, 255), (255, 0, 0), *[(0, 99, 0)] * 3]), False),
    "colours and a border": (
        lambda found: coloured(np.minimum(found, 5), [(0, 0, 0), *[(128, 0, 0)] * 4, (224, 224, 192)]),
        True,
    ),
}


@pytest.mark.parametrize("kind", LABELS)
def test_masks_of_labels_are_refused_and_what_the_message_says_reads_them_right(tmp_path, kind):
    make, has_border = LABELS[kind]
    truth = ringed if has_border else regions
    build(tmp_path, lambda number: make(truth(number)))
    with pytest.raises(StudyError, match=r"the masks hold .*, not shades of grey") as refusal:
        opened(tmp_path)
    assert "\n" not in str(refusal.value)
    (words,) = alternatives(str(refusal.value))
    for number, example in enumerate(examples(opened(tmp_path, words=words))):
        expected = truth(number)
        valid = expected != 255
        assert example.mask_valid is None or np.array_equal(example.mask_valid, valid)
        assert has_border == (example.mask_valid is not None)
        assert np.array_equal(example.mask[valid], np.where(expected > 0, 255, 0)[valid])


def test_what_most_of_the_objects_hold_is_not_proposed_to_be_ignored(tmp_path):
    build(tmp_path, lambda number: ((regions(number) > 0) * (255 if number else 1)).astype(np.uint8))
    with pytest.raises(StudyError, match="the masks hold labels") as refusal:
        opened(tmp_path)
    assert alternatives(str(refusal.value)) and "ignored" not in str(refusal.value)


@pytest.mark.parametrize(("suffix", "kind"), [(".npy", np.int64), (".npz", np.uint16), (".npy", np.float32)])
def test_arrays_of_labels_are_refused_and_read_right_with_the_words_of_the_message(tmp_path, suffix, kind):
    build(tmp_path, lambda number: regions(number).astype(kind), suffix)
    with pytest.raises(StudyError, match="labels, not shades") as refusal:
        opened(tmp_path)
    (words,) = alternatives(str(refusal.value))
    for number, example in enumerate(examples(opened(tmp_path, words=words))):
        assert np.array_equal(example.mask, (regions(number) > 0) * 255)


def test_the_message_shows_the_values_and_their_shares(tmp_path):
    build(tmp_path, lambda number: regions(number).astype(np.uint8))
    found = np.concatenate([regions(number).ravel() for number in range(COUNT)])
    shares = {value: f"{value} ({(found == value).mean():.0%})".replace("%", " %") for value in range(5)}
    with pytest.raises(StudyError) as refusal:
        opened(tmp_path)
    assert all(share in str(refusal.value) for share in shares.values())
    assert str(refusal.value).startswith(f"{tmp_path / 'masks'}: the masks hold labels, not shades of grey: 0 (")
    assert "every value but 0: -S '+dataset.options.labels.classes.foreground=[\"1-65535\"]'" in str(refusal.value)


def test_values_that_no_class_names_are_counted_in_a_note(tmp_path):
    build(tmp_path, lambda number: regions(number).astype(np.uint8))
    source = opened(tmp_path, words=["+dataset.options.labels.classes.foreground=[1]"])
    found = np.concatenate([regions(number).ravel() for number in range(COUNT)])
    (note,) = [note for note in source.notes if "no class names" in note]
    assert note.startswith(f"{(found > 1).mean():.0%}".replace("%", " %") + f" of the pixels of {COUNT} masks")
    assert {int(value) for value in re.findall(r"(\d) \(", note)} == {2, 3, 4}
    source = opened(tmp_path, words=['+dataset.options.labels.classes.foreground=["1-65535"]'])
    assert not any("no class names" in note for note in source.notes)


#: Masks that need no description: how each is made.
SHADES = {
    "8 bits": (soft, ".png"),
    "JPEG": (soft, ".jpg"),
    "16 bits": (lambda number: soft(number).astype(np.uint16) * 257, ".png"),
    "two levels": (lambda number: (regions(number) > 0).astype(np.uint8) * 255, ".png"),
    "one bit": (lambda number: Image.fromarray(regions(number) > 0), ".png"),
    "truth values": (lambda number: regions(number) > 0, ".npy"),
    "shares": (lambda number: soft(number) / np.float32(255), ".npy"),
    "a grey palette": (lambda number: Image.fromarray(regions(number) > 0).convert("P"), ".gif"),
}


@pytest.mark.parametrize("kind", SHADES)
def test_shades_of_grey_need_no_description(tmp_path, kind):
    make, suffix = SHADES[kind]
    build(tmp_path, make, suffix)
    is_soft = kind in ("8 bits", "JPEG", "16 bits", "shares")
    for number, example in enumerate(examples(opened(tmp_path))):
        expected = soft(number) if is_soft else (regions(number) > 0) * 255
        if kind == "JPEG":
            expected = np.asarray(Image.open(tmp_path / f"masks/p{number}.jpg"))
        assert np.array_equal(example.mask, expected) and example.mask_valid is None


@pytest.mark.parametrize("quality", [10, 20, 40, 70, 75, 90])
def test_black_and_white_masks_that_jpeg_has_made_nearly_so_need_no_description(tmp_path, quality):
    build(tmp_path, lambda number: (regions(number) > 0).astype(np.uint8) * 255)
    for path in (tmp_path / "masks").iterdir():
        Image.open(path).save(path, "JPEG", quality=quality)
    for number, example in enumerate(examples(opened(tmp_path))):
        assert ((example.mask >= 128) != (regions(number) > 0)).mean() < 0.01


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_the_mask_of_a_cut_out_is_its_transparency(tmp_path, mode):
    def cut_out(number):
        image = Image.fromarray(RNG.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)).convert(mode)
        image.putalpha(Image.fromarray(soft(number)))
        return image

    source = opened(build(tmp_path, cut_out))
    assert any("Masks are the transparency of their files" in note for note in source.notes)
    for number, example in enumerate(examples(source)):
        assert np.array_equal(example.mask, soft(number))
    Image.new("RGB", (SIZE, SIZE)).save(tmp_path / "masks/p3.png")
    with pytest.raises(StudyError, match=r"p3\.png: has no transparency, and other masks have"):
        examples(opened(tmp_path))


def test_masks_that_cannot_be_told_apart_are_refused_without_words(tmp_path):
    build(tmp_path, lambda _: RNG.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8))
    with pytest.raises(StudyError, match=r"hold colours.* too many for labels: correct dataset\.options\.files\.mask"):
        opened(tmp_path)
    for path in (tmp_path / "masks").iterdir():
        path.unlink()
    build(tmp_path, lambda number: regions(number).astype(np.uint8) * 20, ".jpg")
    with pytest.raises(StudyError, match=r"compression has changed them: save PNG files, or name ranges") as refusal:
        opened(tmp_path)
    assert not alternatives(str(refusal.value))
    for number, example in enumerate(
        examples(opened(tmp_path, words=['+dataset.options.labels.classes.foreground=["10-255"]']))
    ):
        assert (example.mask != (regions(number) > 0) * 255).mean() < 0.02


def unlike(rgb):
    """Return an image that nobody looked at: a coloured one, or one with transparency, among grey ones."""
    if rgb:
        return palette_image(regions(0))
    image = Image.new("L", (SIZE, SIZE), 255)
    image.putalpha(Image.fromarray(soft(0)))
    return image


@pytest.mark.parametrize(
    ("rgb", "match"), [(True, "a coloured mask, and others are grey"), (False, "transparency that")]
)
def test_one_mask_unlike_the_others_is_refused_though_it_was_not_looked_at(tmp_path, monkeypatch, rgb, match):
    build(tmp_path, soft)
    unlike(rgb).save(tmp_path / "masks/p3.png")
    look_at_the_first_and_last(monkeypatch)
    with pytest.raises(StudyError, match=rf"p3\.png: .*{match}"):
        examples(opened(tmp_path))


#: Numbers that are no shade or label, with types that can hold them, by what the files are.
ABSURD = {
    ".npy": [
        *((np.float32, value) for value in (np.nan, np.inf, -np.inf, -1, 70_000, 1e30)),
        *((np.int32, value) for value in (-1, 70_000, 2**31 - 1)),
        (np.float64, 1e300),
    ],
    ".tif": [(np.float32, np.nan), (np.float64, -1), (np.int32, -1), (np.int32, 70_000)],
    ".exr": [(np.float32, np.nan), (np.float32, -1), (np.float16, np.inf)],
}


def write_numbers(path, values):
    """Write an array of any type as what the suffix says."""
    path.parent.mkdir(exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, values)
    elif path.suffix == ".exr":
        openexr = pytest.importorskip("OpenEXR")
        openexr.File({"type": openexr.scanlineimage}, {"Z": values}).write(str(path))
    else:
        tifffile.imwrite(path, values)


def build_numbers(root, suffix, made):
    """Write images and masks of any type; `made` makes an array from a number."""
    for number in range(COUNT):
        save(root / f"images/p{number}.png", np.full((SIZE, SIZE, 3), 30 * number, np.uint8))
        write_numbers(root / f"masks/p{number}{suffix}", made(number))


def with_one(number, type_, value, foreground):
    """Return the regions as `foreground`, with `value` at one place of the mask 3."""
    found = (regions(number) > 0).astype(type_) * type_(foreground)
    if number == 3:
        found[5, 6] = value
    return found


@pytest.mark.parametrize("suffix", ABSURD)
@pytest.mark.parametrize("looked_at", [True, False])
@pytest.mark.parametrize("words", [[], ["+dataset.options.labels.classes.foreground=[1]"]])
@pytest.mark.filterwarnings("error")
def test_a_number_that_is_no_shade_or_label_is_refused_with_its_file(tmp_path, monkeypatch, suffix, looked_at, words):
    if not looked_at:
        look_at_the_first_and_last(monkeypatch)
    for place, (type_, value) in enumerate(ABSURD[suffix]):
        foreground = 0xFFFF if type_ == np.int32 and not words else 1
        root = tmp_path / str(place)
        build_numbers(root, suffix, lambda number, case=(type_, value, foreground): with_one(number, *case))
        with pytest.raises(StudyError, match=rf"p3{suffix}: ([^\n]*save[^\n]*)$"):
            examples(opened(root, words=words))


def look_at_the_first_and_last(monkeypatch):
    monkeypatch.setattr(
        mask_values, "spread", lambda count, most=2: [0, count - 1] if most < 100 else list(range(count))
    )
    monkeypatch.setattr("loss_study.datasets.layouts.labelled_dataset.spread", lambda count: [0, count - 1])


@pytest.mark.parametrize("type_", [np.uint16, np.int32])
def test_shades_of_8_bits_in_a_file_of_more_that_was_not_looked_at_are_refused(tmp_path, monkeypatch, type_):
    build(tmp_path, soft)
    (tmp_path / "masks/p3.png").unlink()
    tifffile.imwrite(tmp_path / "masks/p3.tif", soft(3).astype(type_))
    look_at_the_first_and_last(monkeypatch)
    with pytest.raises(StudyError, match=r"p3\.tif: holds whole numbers from 0 to 255 in more than 8 bits"):
        examples(opened(tmp_path))
    # The same numbers as shades of 16 bits are read.
    tifffile.imwrite(tmp_path / "masks/p3.tif", soft(3).astype(type_) * 257)
    assert np.array_equal(examples(opened(tmp_path))[3].mask, soft(3))


def test_floating_point_labels_are_those_that_the_message_names(tmp_path):
    build_numbers(tmp_path, ".npy", lambda number: (regions(number) > 0).astype(np.float32))
    classes = "+dataset.options.labels.classes.foreground"
    with pytest.raises(StudyError, match=r"masks hold none of the labels .*, but 0 \(\d+ %\), 1 \(\d+ %\)"):
        opened(tmp_path, words=[f"{classes}=[255]"])
    for number, example in enumerate(examples(opened(tmp_path, words=[f"{classes}=[1]"]))):
        assert np.array_equal(example.mask, (regions(number) > 0) * 255)


def test_an_inverted_mask_is_described_as_the_documentation_says(tmp_path):
    build(tmp_path, lambda number: 255 - (regions(number) > 0).astype(np.uint8) * 255)
    source = opened(tmp_path, words=['+dataset.options.labels.classes.object=["0-127"]'])
    for number, example in enumerate(examples(source)):
        assert np.array_equal(example.mask, (regions(number) > 0) * 255)


def test_without_zeros_the_background_is_what_surrounds_the_objects(tmp_path):
    large = np.full((SIZE, SIZE), 2, np.uint8)
    large[4:-4, 4:-4] = 1
    build(tmp_path, lambda _: large)
    with pytest.raises(StudyError, match="every value but 2") as refusal:
        opened(tmp_path)
    (words,) = alternatives(str(refusal.value))
    assert all(np.array_equal(example.mask, (large == 1) * 255) for example in examples(opened(tmp_path, words=words)))


def test_labels_that_no_mask_holds_are_refused(tmp_path):
    build(tmp_path, lambda number: regions(number).astype(np.uint8))
    with pytest.raises(
        StudyError, match=r"6 masks hold none of the labels in .*classes, but 0 \(.*; name some of these"
    ):
        opened(tmp_path, words=["+dataset.options.labels.classes.foreground=[7]"])


def test_ranges_may_be_mixed_with_values_but_not_overlap(tmp_path):
    build(tmp_path, lambda number: regions(number).astype(np.uint8))
    source = opened(tmp_path, words=['+dataset.options.labels.classes.foreground=[1,"3-4"]'])
    for number, example in enumerate(examples(source)):
        assert np.array_equal(example.mask, np.isin(regions(number), [1, 3, 4]) * 255)
    with pytest.raises(StudyError, match="a label is named twice"):
        opened(tmp_path, words=['+dataset.options.labels.classes.foreground=[3,"3-4"]'])
    with pytest.raises(StudyError, match="a range of grey values beside colours"):
        opened(tmp_path, words=['+dataset.options.labels.classes.foreground=["#ffffff","3-4"]'])


def test_fg_bg_reads_cut_outs_by_their_transparency_and_refuses_colours(tmp_path):
    layouts = {"mine": {"image": "images/{name}", "mask": "masks/{name}"}}
    build(tmp_path, lambda number: Image.merge("LA", [Image.new("L", (SIZE, SIZE), 9), Image.fromarray(soft(number))]))
    source = datasets.open_dataset("fg_bg", tmp_path, {"layouts": layouts})
    assert np.array_equal(examples(source)[2].mask, soft(2))
    build(tmp_path, lambda number: palette_image(regions(number)))
    with pytest.raises(StudyError, match="hold indices of a palette"):
        datasets.open_dataset("fg_bg", tmp_path, {"layouts": layouts})
