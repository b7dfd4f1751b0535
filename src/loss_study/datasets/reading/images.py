"""Image files: decoded by their content, whatever their suffix says, and resized to a square."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from loss_study.data.depth_scale import widened
from loss_study.datasets.reading import arrays
from loss_study.runtime.errors import StudyError

#: Of all files that are read, as images, masks or depth maps.
SUFFIXES = frozenset(
    ".bmp .exr .gif .jfif .jpe .jpeg .jpg .npy .npz .pgm .png .ppm .tif .tiff .webp".split()  # noqa: SIM905
)
#: What Pillow may read: others of its readers start programs or follow references to other files.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
#: Pillow's modes of one channel with whole numbers of more than 8 bits; with floating-point numbers also.
SIXTEEN_BIT = ("I", "I;16", "I;16B", "I;16L", "I;16N")
DEEP = (*SIXTEEN_BIT, "F")
#: Upper 8 of 16 bits, below which an image hardly uses them.
DARK = 64
#: JPEG spreads equal channels by a few units.
GREY_SPREAD = 12


def is_image(path: Path) -> bool:
    """Whether `path` is a file with an image's suffix; hidden files (``._a.jpg``) and folders are none."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


def is_lossy(path: Path) -> bool:
    """Whether the file is a JPEG or WebP, whose compression may change the values of pixels."""
    with path.open("rb") as file:
        head = file.read(12)
    return head.startswith(b"\xff\xd8") or head.endswith(b"WEBP")


def is_grey(rgb: np.ndarray) -> bool:
    """Whether the three channels of `rgb`, uint8 (H, W, 3), are equal up to JPEG's error."""
    values = rgb.astype(np.int16)
    return float(np.percentile(values.max(-1) - values.min(-1), 99)) <= GREY_SPREAD


def list_images(folder: Path) -> list[Path]:
    """Return the image files directly in `folder`, sorted by name; other files are skipped.

    Raises:
        StudyError: there is no such folder.
    """
    if not folder.is_dir():
        raise StudyError(f"{folder}: no such folder; put the images there or correct dataset.path")
    return sorted(path for path in folder.iterdir() if is_image(path))


def read_rgb(path: Path, size: int, value_range: tuple[float, float] | None = None) -> np.ndarray:
    """Return the image as uint8 (size, size, 3) RGB, stretched to a square; transparency is dropped.

    Args:
        value_range: the values that become 0 and 255, for an image of more than 8 bits; values beyond are clipped.

    Raises:
        StudyError: missing, truncated, unreadable or too large file, or more than 8 bits without a range.
    """
    values = deep_values(path)
    if values is None:
        image = decode(path, at_least=size)
    elif value_range is None:
        raise StudyError(f"{path}: an image of more than 8 bits, whose range is not known; save it with 8 bits")
    else:
        low, high = value_range
        shares = np.nan_to_num((values - low) / (high - low), nan=0.0)
        image = Image.fromarray(np.rint(255 * shares.clip(0, 1)).astype(np.uint8))
    return np.array(stretched(image.convert("RGB"), size, Image.Resampling.BILINEAR))


def read_grey(path: Path, size: int, *, nearest: bool = False) -> np.ndarray:
    """Return the image's luminance as uint8 (size, size), stretched to a square; 16 bits become 8.

    Args:
        nearest: take the nearest pixel instead of the average, for files that hold labels.

    Raises:
        StudyError: missing, truncated, unreadable or too large file, or floating-point values beyond 0 and 1.
    """
    image = as_grey(decode(path, at_least=None if nearest else size), path)
    return np.array(stretched(image, size, Image.Resampling.NEAREST if nearest else Image.Resampling.BILINEAR))


def read_depth(path: Path, size: int) -> np.ndarray:
    """Return the image's luminance as uint16 (size, size), stretched to a square by averaging; 8 bits become 16.

    Floating-point numbers are shares of the range, from 0 to 1.

    Raises:
        StudyError: as `read_grey`.
    """
    image = decode(path, at_least=size)
    if image.mode in SIXTEEN_BIT:
        return average_depth(np.clip(np.asarray(image), 0, 0xFFFF), size)
    return average_depth(widened(np.asarray(as_grey(image, path))), size)


def average_depth(depth: np.ndarray, size: int) -> np.ndarray:
    """Return a depth map (H, W) of 16 bits stretched to uint16 (size, size) by averaging."""
    resized = stretched(Image.fromarray(depth.astype(np.float32)), size, Image.Resampling.BILINEAR)
    return np.rint(np.asarray(resized)).astype(np.uint16)


def decode(path: Path, *, at_least: int | None = None) -> Image.Image:
    """Return the decoded image (the first frame of an animation), turned as its EXIF orientation says.

    Colour of 16 bits comes with 8; `deep_values` has all of them.

    Args:
        at_least: a JPEG may be decoded at a fraction of its size as long as both sides keep this many pixels.

    Raises:
        StudyError: missing, truncated or unreadable file, or more than ``PIL.Image.MAX_IMAGE_PIXELS`` pixels.
    """
    with _opened(path) as (head, image):
        if image is None:
            return arrays.as_image(arrays.load(path, head), path)
        if at_least is not None:
            # Twice the size leaves the final averaging enough pixels to be smooth.
            image.draft(None, (2 * at_least, 2 * at_least))
        image.load()
        return ImageOps.exif_transpose(image)


def deep_values(path: Path) -> np.ndarray | None:
    """Return the values of an image of more than 8 bits, float32 (H, W) or (H, W, 3), turned like `decode`'s.

    None: it has 8 bits, or is a PNG of 16 bits in colour, of which Pillow reads the upper 8. Transparency is dropped.

    Raises:
        StudyError: as `decode`.
    """
    with _opened(path) as (head, image):
        if image is None:
            values = arrays.load(path, head)
            if values.dtype == np.uint8:
                return None
        elif image.mode in DEEP:
            values = np.asarray(decode(path))
        elif ";16" not in str(getattr(image, "tile", "")):
            return None
        elif head.startswith(arrays.TIFF):
            values = turned(arrays.load(path, head), _orientation(image))
        else:
            _check_upper_bits(image, path)
            return None
        return (values[..., :3] if values.ndim == 3 else values).astype(np.float32)


def _check_upper_bits(image: Image.Image, path: Path) -> None:
    """Raise a StudyError if the upper 8 of 16 bits are nearly empty: the image has 10, 12 or 14 bits."""
    if np.asarray(image.convert("RGB")).max() < DARK:
        raise StudyError(f"{path}: a colour PNG of 16 bits that uses the lower ones only; save it as TIFF, or with 8")


@dataclass(frozen=True)
class Geometry:
    """An image's width and height as it is seen, and its EXIF orientation, 1 to 8: how it was turned for that."""

    width: int
    height: int
    orientation: int

    @property
    def is_on_its_side(self) -> bool:
        """Whether width and height are those of the file the other way round."""
        return self.orientation > 4


def geometry(path: Path) -> Geometry:
    """Return the geometry of the image that `decode` returns.

    Raises:
        StudyError: as `decode`.
    """
    with _opened(path) as (head, image):
        if image is None:
            height, width = arrays.load(path, head).shape[:2]
            return Geometry(width, height, 1)
        found = Geometry(*image.size, _orientation(image))
        # Pillow already gives the size of a TIFF as it is seen.
        as_stored = found.is_on_its_side and image.format != "TIFF"
        return Geometry(image.height, image.width, found.orientation) if as_stored else found


def turned(array: np.ndarray, orientation: int) -> np.ndarray:
    """Return an array (H, W) or (H, W, channels) turned as this EXIF orientation, 1 to 8, says."""
    if orientation > 4:
        array = array.swapaxes(0, 1)
    upside_down, mirrored = orientation in (3, 4, 7, 8), orientation in (2, 3, 6, 7)
    return array[:: -1 if upside_down else 1, :: -1 if mirrored else 1]


@contextmanager
def _opened(path: Path) -> Iterator[tuple[bytes, Image.Image | None]]:
    """Yield the file's first bytes and the image in it, not yet decoded; None: `arrays` reads it."""
    try:
        with warnings.catch_warnings(), path.open("rb") as file:
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            head = file.read(8)
            if arrays.is_array(head):
                yield head, None
                return
            file.seek(0)
            try:
                image = Image.open(file, formats=FORMATS)
            except UnidentifiedImageError:
                if not head.startswith(arrays.TIFF):
                    raise
                yield head, None
                return
            with image:
                _check_pgm(image, path)
                yield head, image
    except FileNotFoundError:
        raise StudyError(f"{path}: no such file; add it, or correct dataset.options") from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise StudyError(f"{path}: more than {Image.MAX_IMAGE_PIXELS:,} pixels; scale it down") from None
    except StudyError:
        raise
    except Exception as error:
        # Changed bytes cause nearly any error in the libraries that read images.
        raise StudyError(f"{path}: not a readable image ({error}); replace or remove it") from None


def _check_pgm(image: Image.Image, path: Path) -> None:
    """Raise a StudyError for a grey PGM whose numbers Pillow scales, so that they are those of the file no more.

    Of a mask of 0 and 1 it makes black and white.
    """
    if image.format == "PPM" and image.mode in ("L", "I"):
        tiles = getattr(image, "tile", ())
        largest = next((tile.args[-1] for tile in tiles if tile.codec_name.startswith("ppm")), 255)
        if largest not in (1, 255, 65535):
            raise StudyError(f"{path}: a PGM whose largest value is {largest}, not 255 or 65535; save it as PNG")


def _orientation(image: Image.Image) -> int:
    # The method of PNG files would decode all pixels for EXIF data that follow them.
    found = Image.Image.getexif(image).get(ExifTags.Base.Orientation, 1)
    return found if found in range(1, 9) else 1


def as_grey(image: Image.Image, path: Path) -> Image.Image:
    """Return the luminance with 8 bits; 16 bits are scaled, and floating-point numbers are shares of white.

    Raises:
        StudyError: floating-point numbers that are not between 0 and 1.
    """
    if image.mode == "F":
        shares = np.asarray(image)
        if not ((shares >= 0) & (shares <= 1)).all():
            raise StudyError(f"{path}: holds floating-point values that are not between 0 and 1; save it with 8 bits")
        return Image.fromarray(np.rint(255 * shares).astype(np.uint8))
    if image.mode in SIXTEEN_BIT:
        # Pillow's own conversion clips at 255.
        values = np.asarray(image).astype(np.float64)
        return Image.fromarray(np.clip(np.rint(values / 257), 0, 255).astype(np.uint8))
    return image.convert("L")


def stretched(image: Image.Image, size: int, resample: Image.Resampling = Image.Resampling.BILINEAR) -> Image.Image:
    """Return `image` stretched to a square of `size` pixels."""
    return image if image.size == (size, size) else image.resize((size, size), resample)
