"""Image files: decoded by their content, whatever their suffix says, and resized to a square."""

from __future__ import annotations

import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from loss_study.data.depth_scale import widened
from loss_study.runtime.errors import StudyError

SUFFIXES = frozenset({".bmp", ".gif", ".jpe", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})
UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error)
SIXTEEN_BIT = ("I", "I;16", "I;16B", "I;16L", "I;16N")


def is_image(path: Path) -> bool:
    """Whether `path` is a file with an image's suffix; hidden files (``._a.jpg``) and folders are none."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


def list_images(folder: Path) -> list[Path]:
    """Return the image files directly in `folder`, sorted by name; other files are skipped.

    Raises:
        StudyError: there is no such folder.
    """
    if not folder.is_dir():
        raise StudyError(f"{folder}: no such folder; put the images there or correct dataset.path")
    return sorted(path for path in folder.iterdir() if is_image(path))


def read_rgb(path: Path, size: int) -> np.ndarray:
    """Return the image as uint8 (size, size, 3) RGB, stretched to a square; transparency is dropped.

    Raises:
        StudyError: missing, truncated, unreadable or too large file.
    """
    image = decode(path, at_least=size).convert("RGB")
    return np.array(_square(image, size, Image.Resampling.BILINEAR))


def read_grey(path: Path, size: int, *, nearest: bool = False) -> np.ndarray:
    """Return the image's luminance as uint8 (size, size), stretched to a square; 16 bits become 8.

    Args:
        nearest: take the nearest pixel instead of the average, for files that hold labels.

    Raises:
        StudyError: missing, truncated, unreadable or too large file, or one with floating-point values.
    """
    image = _grey(decode(path, at_least=None if nearest else size), path)
    return np.array(_square(image, size, Image.Resampling.NEAREST if nearest else Image.Resampling.BILINEAR))


def read_depth(path: Path, size: int) -> np.ndarray:
    """Return the image's luminance as uint16 (size, size), stretched to a square by averaging; 8 bits become 16.

    Raises:
        StudyError: as `read_grey`.
    """
    image = decode(path, at_least=size)
    if image.mode in SIXTEEN_BIT:
        return average_depth(np.clip(np.asarray(image), 0, 0xFFFF), size)
    return average_depth(widened(np.asarray(_grey(image, path))), size)


def average_depth(depth: np.ndarray, size: int) -> np.ndarray:
    """Return a depth map (H, W) of 16 bits stretched to uint16 (size, size) by averaging."""
    resized = _square(Image.fromarray(depth.astype(np.float32)), size, Image.Resampling.BILINEAR)
    return np.rint(np.asarray(resized)).astype(np.uint16)


def decode(path: Path, *, at_least: int | None = None) -> Image.Image:
    """Return the decoded image (the first frame of an animation), turned as its EXIF orientation says.

    Args:
        at_least: a JPEG may be decoded at a fraction of its size as long as both sides keep this many pixels.

    Raises:
        StudyError: missing, truncated or unreadable file, or more than ``PIL.Image.MAX_IMAGE_PIXELS`` pixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                if at_least is not None:
                    # Twice the size leaves the final averaging enough pixels to be smooth.
                    image.draft(None, (2 * at_least, 2 * at_least))
                image.load()
                return ImageOps.exif_transpose(image)
    except FileNotFoundError:
        raise StudyError(f"{path}: no such file; add it, or correct dataset.options") from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise StudyError(f"{path}: more than {Image.MAX_IMAGE_PIXELS:,} pixels; scale it down") from None
    except UNREADABLE as error:
        raise StudyError(f"{path}: not a readable image ({error}); replace or remove it") from None


def _grey(image: Image.Image, path: Path) -> Image.Image:
    if image.mode == "F":
        raise StudyError(f"{path}: holds floating-point values of unknown range; save it with 8 or 16 bits")
    if image.mode in SIXTEEN_BIT:
        # Pillow's own conversion clips at 255.
        values = np.asarray(image).astype(np.float64)
        return Image.fromarray(np.clip(np.rint(values / 257), 0, 255).astype(np.uint8))
    return image.convert("L")


def _square(image: Image.Image, size: int, resample: Image.Resampling) -> Image.Image:
    return image if image.size == (size, size) else image.resize((size, size), resample)
