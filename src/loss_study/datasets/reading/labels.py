"""Masks whose values are labels, not shades: which label is which class, and which pixels have none.

A label is a grey value or, in a picture with a palette, the index of a colour; where labels are named as colours, it is
the colour.
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

#: In arrays of classes: a pixel without a truth, and a label that has no meaning.
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
        ignored: labels of pixels without a truth.
        others: number of the class of all labels that are not named; None: there must not be any.

    Raises:
        StudyError: a label stands twice.
    """

    def __init__(
        self, classes: Sequence[Sequence[Label]], ignored: Sequence[Label] = (), others: int | None = None
    ) -> None:
        meanings = [(label, number) for number, labels in enumerate(classes) for label in labels]
        meanings += [(label, IGNORED) for label in ignored]
        self._coloured = any(isinstance(label, str) for label, _ in meanings)
        class_of = {self._code(label): number for label, number in meanings}
        if len(class_of) < len(meanings):
            raise StudyError(f"dataset.options: a label is named twice: {[label for label, _ in meanings]}")
        self._known = np.array(sorted(class_of), dtype=np.int64)
        self._class_of_known = np.array([class_of[code] for code in self._known.tolist()])
        self._others = UNKNOWN if others is None else others

    def read(self, path: Path, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Return class numbers, uint8 (size, size), and where there is one, bool; by nearest neighbour.

        Raises:
            StudyError: a label that is not named, or a picture that cannot be read.
        """
        classes = self._classes(nearest(self._codes(path), size), path)
        valid = classes != IGNORED
        return np.where(valid, classes, 0).astype(np.uint8), valid

    def read_soft(self, path: Path, size: int, number: int) -> np.ndarray:
        """Return the share of class `number` in every pixel, uint8 (size, size), 255 for all of it.

        Raises:
            StudyError: as `read`.
        """
        inside = (self._classes(self._codes(path), path) == number).astype(np.uint8) * 255
        return np.array(Image.fromarray(inside).resize((size, size), Image.Resampling.BILINEAR))

    def _classes(self, codes: np.ndarray, path: Path) -> np.ndarray:
        places = np.minimum(np.searchsorted(self._known, codes), len(self._known) - 1)
        known = self._known[places] == codes
        classes = np.where(known, self._class_of_known[places], self._others)
        if self._others == UNKNOWN and not known.all():
            label = int(codes[~known][0])
            raise StudyError(
                f"{path}: holds the label {f'#{label:06x}' if self._coloured else label}, which dataset.options does "
                "not name; name it there, or replace the file"
            )
        return classes

    def _codes(self, path: Path) -> np.ndarray:
        """Return one whole number per pixel, int64 (H, W), another one for every label."""
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


def nearest(array_HW: np.ndarray, size: int) -> np.ndarray:
    """Return `array_HW` stretched to (size, size), every pixel the one under its centre."""
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
        raise ValueError(f"{text!r} is no colour; write '#' and six hexadecimal digits")
    return int(digits, 16)
