"""Mask files whose meaning the user describes: shades of one class, labels of one class, or labels of several."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
from pydantic import BaseModel, ConfigDict, model_validator

from loss_study.datasets.base import Target
from loss_study.datasets.reading.images import decode, read_grey
from loss_study.datasets.reading.labels import Label, LabelMap
from loss_study.runtime.errors import StudyError

#: From this grey value on a pixel of a mask of shades is foreground.
FOREGROUND = 128


class MaskLabels(BaseModel):
    """What the values of mask files mean.

    `classes` names the labels of each class, in the order of the classes' numbers. No class: a mask holds shades of
    grey, 0 for background to 255 for foreground. One class: its labels are foreground, all others background. Two or
    more: classes that exclude each other, and every label must be named. `ignored` are the labels of invalid pixels.
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
    """Reads mask files as `labels` says.

    Raises:
        StudyError: a label that is named twice.
    """

    def __init__(self, labels: MaskLabels) -> None:
        self._classes, self._has_invalid_pixels = len(labels.classes), bool(labels.ignored)
        others = 1 if self._classes == 1 else None
        self._map = LabelMap(list(labels.classes.values()), labels.ignored, others) if labels.classes else None

    def read(self, path: Path, size: int) -> Target:
        """Return the mask, uint8 (size, size), and which of its pixels are valid, bool (size, size); None: all.

        For one class the mask is 0 to 255, with soft edges unless pixels are invalid; for several classes it holds the
        number of the class.

        Raises:
            StudyError: a label that is not named, or a file that cannot be read.
        """
        if self._map is None:
            return read_grey(path, size), None
        if self._classes == 1 and not self._has_invalid_pixels:
            return self._map.read_soft(path, size, 0), None
        classes, valid = self._map.read(path, size)
        if self._classes == 1:
            classes = np.where((classes == 0) & valid, 255, 0).astype(np.uint8)
        return classes, valid if self._has_invalid_pixels else None

    def check(self, paths: Sequence[Path]) -> None:
        """Raise a StudyError if the masks at `paths` seem to hold labels, which would be read as dark shades."""
        if self._map is not None:
            return
        extrema = (cast("tuple[int, int]", decode(path).convert("L").getextrema()) for path in paths)
        brightest = max(highest for _, highest in extrema)
        if 0 < brightest < FOREGROUND:
            raise StudyError(
                f"{paths[0]}: in this and other masks no pixel is brighter than {brightest} of 255; if they hold "
                "labels, say which are foreground: -S '+dataset.options.labels.classes.foreground=[1]'"
            )
