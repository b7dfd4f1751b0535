"""Masks whose values are labels, not shades: the class of each label, and the labels of invalid pixels.

A label is a grey value or, in an image with a palette, the index of a colour; if any label is named as a colour, all
labels are colours. A range of labels, such as "1-65535", stands for all of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
from PIL import Image
from pydantic import AfterValidator

from loss_study.datasets.reading.images import DEEP, decode, is_grey, is_lossy
from loss_study.runtime.errors import StudyError

#: In arrays of classes: an invalid pixel, and a label that is not named.
IGNORED, UNKNOWN = -1, -2
LARGEST = 0xFFFF
#: What a grey value is multiplied by to be the code of the same grey as a colour.
GREY = 0x010101
_RANGE = re.compile(r"(\d+|#[0-9a-f]{6})(?:-(\d+|#[0-9a-f]{6}))?")


class _Interval(NamedTuple):
    """Codes from `low` to `high`, both included."""

    low: int
    high: int
    is_colour: bool


def _check_label(label: int | str) -> int | str:
    _interval(label)
    return label


#: 7, '#ff8000', or a range: '1-65535', '#000001-#ffffff'.
Label = Annotated[int | str, AfterValidator(_check_label)]


class LabelMap:
    """Which labels make up which class.

    Args:
        classes: labels of each class, in the order of the classes' numbers.
        ignored: labels of invalid pixels.
        others: number of the class of all labels that are not named; None: such labels are an error.

    Raises:
        StudyError: a label is named twice, or a range of grey values stands beside colours.
    """

    def __init__(
        self, classes: Sequence[Sequence[Label]], ignored: Sequence[Label] = (), others: int | None = None
    ) -> None:
        meanings = [(label, number) for number, labels in enumerate(classes) for label in labels]
        meanings += [(label, IGNORED) for label in ignored]
        self.coloured = any(_interval(label).is_colour for label, _ in meanings)
        named = sorted((*self._codes_of(label), number) for label, number in meanings)
        self._low, self._high, self._class_of = np.array(named, dtype=np.int64).reshape(-1, 3).T
        if (self._low[1:] <= self._high[:-1]).any():
            raise StudyError(
                f"dataset.options: a label is named twice in {[label for label, _ in meanings]}; remove one"
            )
        self._others = UNKNOWN if others is None else others

    def read(self, path: Path, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Return class numbers and which pixels are valid, uint8 and bool (size, size); by nearest neighbour.

        Raises:
            StudyError: a label that is not named, or a file that cannot be read.
        """
        classes = self._classes(resize_nearest(self._codes(path), size), path)
        valid = classes != IGNORED
        return np.where(valid, classes, 0).astype(np.uint8), valid

    def read_soft(self, path: Path, size: int, number: int) -> np.ndarray:
        """Return the share of class `number` in every pixel, 0 to 255, uint8 (size, size).

        Raises:
            StudyError: as `read`.
        """
        inside = (self._classes(self._codes(path), path) == number).astype(np.uint8) * 255
        return np.array(Image.fromarray(inside).resize((size, size), Image.Resampling.BILINEAR))

    def names(self, code: int) -> bool:
        """Whether a label of this code (see `codes_of`) is named."""
        return bool(self._find(np.array([code]))[1][0])

    def _find(self, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return for each code the position of the last interval that begins before it, and whether it lies inside."""
        positions = np.searchsorted(self._low, codes, side="right") - 1
        return positions, (positions >= 0) & (codes <= self._high[positions])

    def _classes(self, codes: np.ndarray, path: Path) -> np.ndarray:
        positions, named = self._find(codes)
        classes = np.where(named, self._class_of[positions], self._others)
        if self._others == UNKNOWN and not named.all():
            label = label_of(int(codes[~named][0]), coloured=self.coloured)
            raise StudyError(
                f"{path}: holds the label {label}, which dataset.options does not name; name it there, or replace the "
                "file"
            )
        return classes

    def _codes(self, path: Path) -> np.ndarray:
        return colour_codes(decode(path)) if self.coloured else codes_of(decode(path), path)

    def _codes_of(self, label: Label) -> tuple[int, int]:
        low, high, is_colour = _interval(label)
        if not self.coloured or is_colour:
            return low, high
        if low != high:
            raise StudyError(f"dataset.options: {label!r} is a range of grey values beside colours; name its colours")
        return low * GREY, low * GREY


def resize_nearest(array_HW: np.ndarray, size: int) -> np.ndarray:
    """Return `array_HW` stretched to (size, size), by nearest neighbour."""
    rows, columns = ((2 * np.arange(size) + 1) * length // (2 * size) for length in array_HW.shape)
    return array_HW[rows[:, None], columns]


def is_coloured(image: Image.Image) -> bool:
    """Whether `image` has neither a palette nor grey pixels only."""
    if image.mode in ("1", "L", "LA", "P", "PA", *DEEP):
        return False
    channels = np.asarray(image.convert("RGB"))
    return bool((channels != channels[..., :1]).any())


def has_coloured_palette(image: Image.Image) -> bool:
    """Whether `image` has a palette, and pixels of it are coloured: their luminance means nothing."""
    if image.mode not in ("P", "PA"):
        return False
    return is_coloured(image.convert("RGB"))


def is_nearly_grey(image: Image.Image, path: Path) -> bool:
    """Whether `image` is coloured by nothing but the JPEG compression of the file `path`."""
    return image.mode == "RGB" and is_lossy(path) and is_grey(np.asarray(image))


def codes_of(image: Image.Image, path: Path) -> np.ndarray:
    """Return each pixel's grey value or index of a palette, int64 (H, W).

    Raises:
        StudyError: a coloured image, fractions, or values that are not between 0 and 65535.
    """
    if image.mode in ("P", "PA"):
        return np.asarray(image.getchannel(0)).astype(np.int64)
    if image.mode in ("1", "L", "LA"):
        return np.asarray(image.convert("L")).astype(np.int64)
    if image.mode in DEEP:
        values = np.asarray(image)
        if not ((values >= 0) & (values <= LARGEST) & (values == np.floor(values))).all():
            raise StudyError(f"{path}: labels are whole numbers from 0 to {LARGEST}; save the mask with such values")
        return values.astype(np.int64)
    if is_coloured(image):
        raise StudyError(f"{path}: a coloured mask; name its labels in dataset.options as colours, such as '#ff8000'")
    return np.asarray(image.convert("RGB"))[..., 0].astype(np.int64)


def colour_codes(image: Image.Image) -> np.ndarray:
    """Return each pixel's colour, 0xrrggbb, int64 (H, W)."""
    red, green, blue = np.moveaxis(np.asarray(image.convert("RGB")).astype(np.int64), -1, 0)
    return red << 16 | green << 8 | blue


def label_of(code: int, *, coloured: bool) -> int | str:
    """Return the label of a code: what it is called in dataset.options."""
    return f"#{code:06x}" if coloured else code


def _interval(label: int | str) -> _Interval:
    found = _RANGE.fullmatch(str(label).lower())
    if found is None or isinstance(label, bool):
        raise ValueError(
            f"{label!r} is not a colour ('#' and six hexadecimal digits), a grey value (0 to {LARGEST}) or a range of "
            "them ('1-65535')"
        )
    first, last = found[1], found[2] or found[1]
    low, high = (int(text.removeprefix("#"), 16 if text[0] == "#" else 10) for text in (first, last))
    is_colour = first[0] == "#"
    if is_colour != (last[0] == "#") or low > high:
        raise ValueError(f"{label!r} is not a range: write the lower end first, and both ends alike")
    if not is_colour and high > LARGEST:
        raise ValueError(f"a grey value is between 0 and {LARGEST}")
    return _Interval(low, high, is_colour)
