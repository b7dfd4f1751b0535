"""Files of numbers that Pillow does not read, or not whole: .npy, .npz, OpenEXR, and TIFF with deep colour."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from loss_study.runtime.errors import StudyError

#: First bytes of the files that only this module reads.
NUMPY, ZIP, EXR = b"\x93NUMPY", b"PK\x03\x04", b"\x76\x2f\x31\x01"
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
#: Bytes of a pixel at most: three channels of 64 bits.
PIXEL_BYTES = 32


def is_array(head: bytes) -> bool:
    """Whether a file that begins with `head` is one of those that Pillow does not know."""
    return head.startswith((NUMPY, ZIP, EXR))


def load(path: Path, head: bytes) -> np.ndarray:
    """Return the values in the file, (H, W) or (H, W, channels): uint8, uint16, int32 or float32.

    Boolean values become 0 and 255, and colour of equal channels becomes grey.

    Raises:
        StudyError: not one array of such a shape, or too many values.
        OSError, ValueError: an unreadable file.
    """
    if head.startswith(NUMPY):
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    elif head.startswith(ZIP):
        values = _only_member(path)
    elif head.startswith(EXR):
        values = _exr(path)
    else:
        import tifffile  # noqa: PLC0415 - most data has no such files

        with tifffile.TiffFile(path) as file:
            values = file.asarray(key=0)
    return _tidy(values, path)


def as_image(values: np.ndarray, path: Path) -> Image.Image:
    """Return what `load` returned as an image.

    Raises:
        StudyError: colour of more than 8 bits, for which Pillow has no mode.
    """
    if values.ndim == 3 and values.dtype != np.uint8:
        raise StudyError(f"{path}: colours of more than 8 bits are read in images only; save it with one channel")
    return Image.fromarray(values)


def _only_member(path: Path) -> np.ndarray:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if len(members) != 1:
            raise StudyError(f"{path}: holds {len(members)} arrays; save one array in each file")
        _check_size(members[0].file_size / PIXEL_BYTES, path)
    with np.load(path, allow_pickle=False) as archive:
        values: np.ndarray = archive[archive.files[0]]
    return values


def _exr(path: Path) -> np.ndarray:
    try:
        import OpenEXR  # noqa: PLC0415 - an extra that most data does not need
    except ImportError:
        raise StudyError(f"{path}: OpenEXR files need a package: pip install '.[exr]'") from None
    try:
        with OpenEXR.File(str(path)) as file:
            found = {name: np.array(channel.pixels) for name, channel in file.channels().items()}
    except RuntimeError as error:
        raise OSError(error) from None
    if len(found) != 1:
        raise StudyError(f"{path}: holds the channels {', '.join(sorted(found))}; save those of one kind in a file")
    return next(iter(found.values()))


def _tidy(values: np.ndarray, path: Path) -> np.ndarray:
    _check_size(values.size / 4, path)
    if values.ndim == 3 and values.shape[0] in (1, 3, 4) and values.shape[2] > 4:
        values = np.moveaxis(values, 0, -1)
    is_deep_colour = values.ndim == 3 and values.shape[2] in (3, 4) and values.dtype != np.uint8
    if is_deep_colour and (values[..., :3] == values[..., :1]).all():
        values = values[..., :1]
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[..., 0]
    if not values.size or values.ndim not in (2, 3) or (values.ndim == 3 and values.shape[2] not in (3, 4)):
        raise StudyError(f"{path}: an array of shape {values.shape}; save (height, width) or (height, width, 3)")
    return np.ascontiguousarray(_plain_type(values, path))


def _plain_type(values: np.ndarray, path: Path) -> np.ndarray:
    kind = values.dtype.kind
    if kind == "b":
        return values.astype(np.uint8) * 255
    if kind == "f":
        # What is larger than float32 can say becomes infinite, which the readers of masks and depth maps refuse.
        with np.errstate(over="ignore"):
            return values.astype(np.float32)
    if kind not in "ui":
        raise StudyError(f"{path}: an array of type {values.dtype}; save whole or floating-point numbers")
    if values.dtype.itemsize <= 2 and kind == "u":
        return values.astype(values.dtype.newbyteorder("="))
    if values.min() < -(2**31) or values.max() >= 2**31:
        raise StudyError(f"{path}: holds whole numbers of more than 32 bits; save smaller ones")
    return values.astype(np.int32)


def _check_size(pixels: float, path: Path) -> None:
    if Image.MAX_IMAGE_PIXELS is not None and pixels > Image.MAX_IMAGE_PIXELS:
        raise StudyError(f"{path}: more than {Image.MAX_IMAGE_PIXELS:,} pixels; scale it down")
