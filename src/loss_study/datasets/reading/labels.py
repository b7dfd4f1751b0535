"""Masks whose values are labels, not shades: the class of each label, and the labels of invalid pixels.

A label is a grey value or, in an image with a palette, the index of a colour; if any label is named as a colour, all
labels are colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
from PIL import Image
from pydantic import AfterValidator

from loss_study.datasets.reading.images import SIXTEEN_BIT, decode
from loss_study.runtime.errors import StudyError

#: In arrays of classes: an invalid pixel, and a label that is not named.
IGNORED, UNKNOWN = -1, -2


def _check_label(label: int | str) -> int | str:
    if isinstance(label, str):
        _colour(label)
    elif not 0 <= label <= 0xFFFF:
        raise ValueError("a grey value is between 0 and 65535")
    return label


#: 7, or '#ff8000'.
Label = Annotated[int | str, AfterValidator(_check_label)]


class LabelMap:
    """Which labels make up which class.

    Args:
        classes: labels of each class, in the order of the classes' numbers.
        ignored: labels of invalid pixels.
        others: number of the class of all labels that are not named; None: such labels are an error.

    Raises:
        StudyError: a label is named twice.
    """

    def __init__(
        self, classes: Sequence[Sequence[Label]], ignored: Sequence[Label] = (), others: int | None = None
    ) -> None:
        meanings = [(label, number) for number, labels in enumerate(classes) for label in labels]
        meanings += [(label, IGNORED) for label in ignored]
        self._coloured = any(isinstance(label, str) for label, _ in meanings)
        class_of = {self._code(label): number for label, number in meanings}
        if len(class_of) < len(meanings):
            raise StudyError(
                f"dataset.options: a label is named twice in {[label for label, _ in meanings]}; remove one"
            )
        self._named = np.array(sorted(class_of), dtype=np.int64)
        self._class_of_named = np.array([class_of[code] for code in self._named.tolist()])
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

    def _classes(self, codes: np.ndarray, path: Path) -> np.ndarray:
        positions = np.minimum(np.searchsorted(self._named, codes), len(self._named) - 1)
        named = self._named[positions] == codes
        classes = np.where(named, self._class_of_named[positions], self._others)
        if self._others == UNKNOWN and not named.all():
            label = int(codes[~named][0])
            raise StudyError(
                f"{path}: holds the label {f'#{label:06x}' if self._coloured else label}, which dataset.options does "
                "not name; name it there, or replace the file"
            )
        return classes

    def _codes(self, path: Path) -> np.ndarray:
        """Return a code of each pixel's label, int64 (H, W)."""
        image = decode(path)
        if self._coloured:
            red, green, blue = np.moveaxis(np.asarray(image.convert("RGB")).astype(np.int64), -1, 0)
            return red << 16 | green << 8 | blue
        if image.mode in ("P", *SIXTEEN_BIT):
            return np.asarray(image).astype(np.int64)
        return _grey_values(image, path)

    def _code(self, label: Label) -> int:
        if isinstance(label, str):
            return _colour(label)
        return label * 0x010101 if self._coloured else label


def resize_nearest(array_HW: np.ndarray, size: int) -> np.ndarray:
    """Return `array_HW` stretched to (size, size), by nearest neighbour."""
    rows, columns = ((2 * np.arange(size) + 1) * length // (2 * size) for length in array_HW.shape)
    return array_HW[rows[:, None], columns]


def _grey_values(image: Image.Image, path: Path) -> np.ndarray:
    if image.mode in ("1", "L", "LA"):
        return np.asarray(image.convert("L")).astype(np.int64)
    channels = np.asarray(image.convert("RGB"))
    if (channels != channels[..., :1]).any():
        raise StudyError(f"{path}: a coloured mask; name its labels in dataset.options as colours, such as '#ff8000'")
    return channels[..., 0].astype(np.int64)


def _colour(text: str) -> int:
    digits = text.removeprefix("#")
    if len(digits) != 6 or digits == text or set(digits.lower()) - set("0123456789abcdef"):
        raise ValueError(f"{text!r} is not a colour; write '#' and six hexadecimal digits")
    return int(digits, 16)
