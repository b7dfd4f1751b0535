"""Images of more than 8 bits become black to white over a stated range; masks fit images that EXIF turns."""

import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image, ImageOps

from loss_study import datasets
from loss_study.datasets.reading.images import decode, geometry
from loss_study.runtime.errors import StudyError
from support.data_at_hand import everything, save
from support.typed_words import alternatives, opened

SIZE, COUNT = 32, 4
RNG = np.random.default_rng(0)
INSIDE = np.zeros((SIZE, SIZE), np.uint8)
INSIDE[4:12, 6:26] = 255


def write_png(path, values):
    """Write uint16 (H, W, 3), which Pillow does not: one chunk of rows without a filter."""
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", values.shape[1], values.shape[0], 16, 2, 0, 0, 0),
        b"IDAT": zlib.compress(b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)),
        b"IEND": b"",
    }
    packed = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks.items()
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(packed))


def write_tiff(path, values):
    tifffile.imwrite(path, values, photometric="rgb" if values.ndim == 3 else "minisblack")


def write_exr(path, values):
    openexr = pytest.importorskip("OpenEXR")
    openexr.File({"type": openexr.scanlineimage}, {"RGB": values}).write(str(path))


def grey(largest, kind):
    return lambda number: (RNG.random((SIZE, SIZE)) * largest + number).astype(kind)


def colour(largest, kind):
    return lambda number: (RNG.random((SIZE, SIZE, 3)) * largest + number).astype(kind)


#: How images of more than 8 bits are made and written, and the range that is found for them, None: by percentiles.
DEEP = {
    "12 bits": (grey(4090, np.uint16), ".png", save, None),
    "16 bits": (grey(65530, np.uint16), ".tif", save, (0, 65535)),
    "thermal": (lambda number: grey(40, np.float32)(number) + 273, ".tiff", save, None),
    "shares": (lambda number: grey(0.99, np.float32)(0), ".npy", np.save, (0, 1)),
    "signed": (lambda number: grey(2000, np.int16)(number) - 1024, ".tif", write_tiff, None),
    "double precision": (grey(500, np.float64), ".tif", write_tiff, None),
    "colour of 12 bits": (colour(4090, np.uint16), ".tif", write_tiff, None),
    "colour of floating-point numbers": (colour(7, np.float32), ".tif", write_tiff, None),
    "channels first": (lambda number: np.moveaxis(colour(900, np.uint16)(number), -1, 0), ".npy", np.save, None),
    "OpenEXR": (colour(7, np.float32), ".exr", write_exr, None),
}


def build(root, make, suffix, write):
    """Write images and a mask each; return the images' values."""
    (root / "images").mkdir(parents=True)
    made = []
    for number in range(COUNT):
        made.append(make(number))
        write(root / f"images/p{number}{suffix}", made[-1])
        save(root / f"masks/p{number}.png", INSIDE)
    return made


def examples(source):
    return [source.example(item, SIZE) for item in everything(source)]


def scaled(values, low, high):
    """Return values as 8 bits by the textbook formula, with three channels."""
    values = np.moveaxis(values, 0, -1) if values.shape[0] == 3 else values
    grey_levels = np.rint(255 * np.clip((values.astype(np.float64) - low) / (high - low), 0, 1))
    return grey_levels if values.ndim == 3 else np.repeat(grey_levels[..., None], 3, axis=2)


@pytest.mark.parametrize("kind", DEEP)
def test_images_of_more_than_8_bits_are_scaled_by_a_range_that_is_said(tmp_path, kind):
    make, suffix, write, expected = DEEP[kind]
    made = build(tmp_path, make, suffix, write)
    source = opened(tmp_path)
    low, high = expected or np.percentile(np.concatenate([one.ravel() for one in made]), [0.1, 99.9])
    for values, example in zip(made, examples(source), strict=True):
        assert np.abs(example.image - scaled(values, low, high)).max() <= 1
        assert example.image.std() > 50, "such values differ"
    (note,) = [note for note in source.notes if "more than 8 bits" in note]
    assert note.startswith("4 of 4 images that were looked at have more than 8 bits: values from ")
    assert note.endswith(f"from {low:g} to {high:g} become black to white (dataset.options.image_range).")


def test_the_range_is_an_option(tmp_path):
    made = build(tmp_path, *DEEP["12 bits"][:3])
    source = opened(tmp_path, words=["dataset.options.image_range=[100,1100]"])
    for values, example in zip(made, examples(source), strict=True):
        assert np.abs(example.image - scaled(values, 100, 1100)).max() <= 1


def test_colour_png_of_16_bits_keeps_its_upper_bits_or_is_refused(tmp_path):
    made = build(tmp_path / "full", colour(65530, np.uint16), ".png", write_png)
    for values, example in zip(made, examples(opened(tmp_path / "full")), strict=True):
        assert np.array_equal(example.image, values >> 8)
    build(tmp_path / "low", colour(4090, np.uint16), ".png", write_png)
    with pytest.raises(StudyError, match=r"p0\.png: a colour PNG of 16 bits that uses the lower ones only; save it as"):
        opened(tmp_path / "low")


def test_datasets_without_such_a_range_refuse_images_of_more_than_8_bits(tmp_path):
    for number in range(COUNT):
        save(tmp_path / f"train/car{number}_01.tif", np.full((SIZE, SIZE), 900 * number, np.uint16))
        save(tmp_path / f"train_masks/car{number}_01_mask.gif", INSIDE)
    with pytest.raises(StudyError, match=r"car0_01\.tif: an image of more than 8 bits, whose range is not known"):
        examples(datasets.open_dataset("carvana", tmp_path, {}))


# --- EXIF orientation and aspect ratios ---

#: As it is seen: wider than high.
SEEN = RNG.integers(0, 256, (SIZE // 2, SIZE, 3), dtype=np.uint8)
MASK = (SEEN[..., 0] > 127).astype(np.uint8) * 255
#: What turns an image back before its EXIF orientation turns it again.
BACK = {
    1: None, 2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}  # fmt: skip
SIDEWAYS = (5, 6, 7, 8)


def stored(array, orientation):
    image = Image.fromarray(array)
    return image if BACK[orientation] is None else image.transpose(BACK[orientation])


def write_turned(root, orientation, *, mask_as_stored, seen=SEEN, mask=MASK, suffix=".png", tagged_mask=False):
    """Write an image with an EXIF orientation, and its mask as the image is seen or as it is stored."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    stored(seen, orientation).save(root / f"images/p{suffix}", exif=exif)
    (stored(mask, orientation) if mask_as_stored else Image.fromarray(mask)).save(
        root / "masks/p.png", **({"exif": exif} if tagged_mask else {})
    )


def stretched(array):
    return np.asarray(Image.fromarray(array).resize((SIZE, SIZE), Image.Resampling.BILINEAR)).astype(int)


def check_fits(source):
    (example,) = examples(source)
    assert np.array_equal(example.image, stretched(SEEN))
    # Turning before and after the stretching may round differently.
    assert np.abs(example.mask - stretched(MASK)).max() <= 1


@pytest.mark.parametrize("orientation", SIDEWAYS)
@pytest.mark.parametrize("mask_as_stored", [True, False])
def test_a_mask_is_turned_with_its_image_where_the_sizes_say_so(tmp_path, orientation, mask_as_stored):
    write_turned(tmp_path, orientation, mask_as_stored=mask_as_stored)
    check_fits(opened(tmp_path))


@pytest.mark.parametrize("orientation", [2, 3, 4])
def test_where_the_sizes_do_not_tell_both_ways_are_offered(tmp_path, orientation):
    for mask_as_stored in (False, True):
        write_turned(tmp_path, orientation, mask_as_stored=mask_as_stored)
        with pytest.raises(StudyError, match=r"p\.png: its EXIF orientation turns it") as refused:
            examples(opened(tmp_path))
        ways = alternatives(str(refused.value))
        assert ways == [["dataset.options.fit=upright"], ["dataset.options.fit=stored"]]
        check_fits(opened(tmp_path, words=ways[mask_as_stored]))


@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_a_mask_with_the_same_orientation_fits(tmp_path, orientation):
    write_turned(tmp_path, orientation, mask_as_stored=True, tagged_mask=True)
    for words in ([], ["dataset.options.fit=stored"], ["dataset.options.fit=upright"]):
        check_fits(opened(tmp_path, words=words))


def test_another_aspect_ratio_is_refused_or_stretched(tmp_path):
    write_turned(tmp_path, 1, mask_as_stored=False, mask=MASK[:, : SIZE - 4])
    with pytest.raises(
        StudyError, match=r"p\.png: 28 x 16 does not have the aspect ratio of .*p\.png, 32 x 16"
    ) as refused:
        examples(opened(tmp_path))
    for fit in ("upright", "stored"):
        with pytest.raises(StudyError, match="does not have the aspect ratio"):
            examples(opened(tmp_path, words=[f"dataset.options.fit={fit}"]))
    ((word,),) = alternatives(str(refused.value))
    (example,) = examples(opened(tmp_path, words=[word]))
    assert np.array_equal(example.mask, stretched(MASK[:, : SIZE - 4]))


@pytest.mark.parametrize(("fit", "mask_as_stored"), [("upright", True), ("stored", False)])
def test_what_the_user_says_is_checked_against_the_sizes(tmp_path, fit, mask_as_stored):
    write_turned(tmp_path, 6, mask_as_stored=mask_as_stored)
    with pytest.raises(StudyError, match="does not have the aspect ratio"):
        examples(opened(tmp_path, words=[f"dataset.options.fit={fit}"]))


def test_a_mask_of_another_size_fits_up_to_rounding(tmp_path):
    wide = RNG.integers(0, 256, (375, 1242, 3), dtype=np.uint8)
    write_turned(tmp_path, 1, mask_as_stored=False, seen=wide, mask=np.full((93, 310), 255, np.uint8))
    examples(opened(tmp_path))


def test_depth_maps_are_turned_with_their_validity(tmp_path):
    depth = np.rint(np.linspace(900, 4000, SEEN[..., 0].size)).reshape(SEEN.shape[:2]).astype(np.uint16)
    depth[:5, :9] = 0
    write_turned(tmp_path, 6, mask_as_stored=True)
    (tmp_path / "depth").mkdir()
    stored(depth, 6).save(tmp_path / "depth/p.png")
    words = ['dataset.options.files.image="images/{name}"']
    (example,) = examples(opened(tmp_path, "rgbd", words))
    rows = np.arange(SIZE) // 2
    assert np.array_equal(example.depth_valid, (depth > 0)[rows])
    metres = depth[rows] / 1000
    assert np.array_equal(example.depth, np.where(metres > 0, np.rint(65535 * metres / (metres + 3)), 0))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_geometry_is_that_of_the_decoded_image(tmp_path, suffix, orientation):
    write_turned(tmp_path, orientation, mask_as_stored=True, suffix=suffix)
    path = tmp_path / f"images/p{suffix}"
    found = geometry(path)
    with Image.open(path) as image:
        assert (found.width, found.height) == decode(path).size == ImageOps.exif_transpose(image).size == (32, 16)
    assert found.orientation == orientation
