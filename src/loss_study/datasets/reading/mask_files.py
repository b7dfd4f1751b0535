"""Mask files whose meaning the user describes: shades of one class, labels of one class, or labels of several."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from pydantic import BaseModel, ConfigDict, model_validator

from loss_study.datasets.base import Target
from loss_study.datasets.reading import mask_values
from loss_study.datasets.reading.images import SIXTEEN_BIT, as_grey, decode, stretched
from loss_study.datasets.reading.labels import (
    LARGEST,
    Label,
    LabelMap,
    has_coloured_palette,
    is_coloured,
    is_nearly_grey,
)
from loss_study.datasets.reading.mask_values import FOREGROUND, percent
from loss_study.runtime.errors import StudyError


class MaskLabels(BaseModel):
    """What the values of mask files mean.

    `classes` names the labels of each class, in the order of the classes' numbers. No class: a mask holds shades of
    grey, 0 for background to 255 for foreground, or is the transparency of its file. One class: its labels are
    foreground, all others background. Two or more: classes that exclude each other, and every label must be named.
    `ignored` are the labels of invalid pixels.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    classes: dict[str, list[Label]] = {}
    ignored: list[Label] = []

    @model_validator(mode="after")
    def _is_consistent(self) -> MaskLabels:
        if self.ignored and not self.classes:
            raise ValueError("ignored needs classes; name the labels of the classes")
        return self

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes; none for one class."""
        return tuple(self.classes) if len(self.classes) > 1 else ()


NO_LABELS = MaskLabels()


class MaskReader:
    """Reads the mask files at `paths` as `labels` says; without labels, as shades of grey or by their transparency.

    `are_shades`: the dataset is known to have no grey values that are labels. `notes` are sentences for the report on
    what was seen in some of the masks.

    Raises:
        StudyError: a label that is named twice, or masks that would be read wrongly without a description of labels.
    """

    def __init__(self, labels: MaskLabels, paths: Sequence[Path], *, are_shades: bool = False) -> None:
        self._classes, self._has_invalid_pixels = len(labels.classes), bool(labels.ignored)
        others = 1 if self._classes == 1 else None
        self._map = LabelMap(list(labels.classes.values()), labels.ignored, others) if labels.classes else None
        are_colours = self._map is not None and self._map.coloured
        seen = mask_values.survey(paths, labelled=self._map is not None, coloured=are_colours)
        is_open = self._map is None and (seen.palette or seen.coloured or not are_shades)
        if is_open and (problem := seen.problem()):
            raise StudyError(f"{paths[0].parent}: {problem}")
        if self._map is not None and not any(self._map.names(code) for code in seen.shares):
            raise StudyError(
                f"{paths[0].parent}: {seen.files} masks hold none of the labels in {mask_values.CLASSES}, but "
                f"{seen.listed()}; name some of these"
            )
        self._by_alpha = self._map is None and seen.alpha
        self.notes = self._notes(seen)

    def read(self, path: Path, size: int) -> Target:
        """Return the mask, uint8 (size, size), and which of its pixels are valid, bool (size, size); None: all.

        For one class the mask is 0 to 255, with soft edges unless pixels are invalid; for several classes it holds the
        number of the class.

        Raises:
            StudyError: a label that is not named, a mask unlike those that were seen, or a file that cannot be read.
        """
        if self._map is None:
            return np.array(stretched(self._shades(path, size), size)), None
        if self._classes == 1 and not self._has_invalid_pixels:
            return self._map.read_soft(path, size, 0), None
        classes, valid = self._map.read(path, size)
        if self._classes == 1:
            classes = np.where((classes == 0) & valid, 255, 0).astype(np.uint8)
        return classes, valid if self._has_invalid_pixels else None

    def _shades(self, path: Path, size: int) -> Image.Image:
        image = decode(path, at_least=size)
        has_alpha = image.mode in ("RGBA", "LA")
        if self._by_alpha:
            if not has_alpha:
                raise StudyError(f"{path}: has no transparency, and other masks have; replace or remove it")
            return image.getchannel("A")
        if has_alpha and np.ptp(np.asarray(image.getchannel("A"))) >= FOREGROUND:
            raise StudyError(f"{path}: has transparency that varies, and other masks have none; replace or remove it")
        if (is_coloured(image) and not is_nearly_grey(image, path)) or has_coloured_palette(image):
            raise StudyError(f"{path}: a coloured mask, and others are grey; replace or remove it")
        _check_range(image, path)
        return as_grey(image, path)

    def _notes(self, seen: mask_values.MaskValues) -> list[str]:
        if self._by_alpha:
            return ["Masks are the transparency of their files: what is opaque is foreground."]
        if self._map is None or self._classes > 1:
            return []
        named = [code for code in seen.shares if self._map.names(code)]
        others = {code: share for code, share in seen.shares.items() if code != 0 and code not in named}
        if not others:
            return []
        return [
            f"{percent(sum(others.values()))} of the pixels of {seen.files} masks have labels other than 0 that no "
            f"class names, and count as background: {seen.listed(but=[0, *named])}."
        ]


def _check_range(image: Image.Image, path: Path) -> None:
    """Raise a StudyError for whole numbers that are no shades of 16 bits, or those of 8 bits in a file of more.

    Scaled to 8 bits, the latter would be black.
    """
    if image.mode not in SIXTEEN_BIT:
        return
    values = np.asarray(image)
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > LARGEST or 0 < high <= 0xFF:
        raise StudyError(
            f"{path}: holds whole numbers from {low} to {high} in more than 8 bits, whose shades are 0 to {LARGEST}; "
            "save it with 8 bits and shades from 0 to 255"
        )
