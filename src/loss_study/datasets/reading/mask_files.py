"""Mask files whose meaning the user describes: shades of one class, labels of one class, or labels of several."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, model_validator

from loss_study.datasets.layouts.listing import Files
from loss_study.datasets.layouts.paired_files import PairedFiles, Target
from loss_study.datasets.layouts.pairing import Pairs
from loss_study.datasets.reading.images import decode, read_grey
from loss_study.datasets.reading.labels import Label, LabelMap
from loss_study.runtime.errors import StudyError

#: Masks that are looked at for the mistake of labels taken for shades.
LOOKED_AT = 8
#: From this grey value on a pixel of a mask of shades is foreground.
FOREGROUND = 128


class MaskLabels(BaseModel):
    """What the values of mask files mean.

    `classes` names the labels of each class, in the order of the classes' numbers. None: a mask is shades of grey, 0
    background to 255 foreground. One: its labels are foreground, all others background. Two and more: classes that
    exclude each other, and every label must be named. `ignored` are the labels of pixels without a truth.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    classes: dict[str, list[Label]] = {}
    ignored: list[Label] = []

    @model_validator(mode="after")
    def _is_consistent(self) -> MaskLabels:
        if self.ignored and not self.classes:
            raise ValueError("ignored says nothing without classes; name the labels of the classes")
        return self

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes; none for one class."""
        return tuple(self.classes) if len(self.classes) > 1 else ()


NO_LABELS = MaskLabels()


class MaskFiles:
    """Reads mask files as `labels` say.

    Raises:
        StudyError: a label that is named twice.
    """

    def __init__(self, labels: MaskLabels) -> None:
        self._classes, self._has_gaps = len(labels.classes), bool(labels.ignored)
        others = 1 if self._classes == 1 else None
        self._map = LabelMap(list(labels.classes.values()), labels.ignored, others) if labels.classes else None

    def read(self, path: Path, size: int) -> Target:
        """Return the mask, uint8 (size, size), and where it is true, bool (size, size); None: everywhere.

        The mask is 0 to 255 for one class, with soft edges where it is true everywhere, and the number of the class
        for several.

        Raises:
            StudyError: a label without a meaning, or a picture that cannot be read.
        """
        if self._map is None:
            return read_grey(path, size), None
        if self._classes == 1 and not self._has_gaps:
            return self._map.read_soft(path, size, 0), None
        classes, valid = self._map.read(path, size)
        if self._classes == 1:
            classes = np.where((classes == 0) & valid, 255, 0).astype(np.uint8)
        return classes, valid if self._has_gaps else None

    def check(self, files: Files) -> None:
        """Look at some of the masks; StudyError if they are labels that would be taken for shades of black."""
        if self._map is not None:
            return
        some = _some(files)
        brightest = max(decode(path).convert("L").getextrema()[1] for path in some)
        if 0 < brightest < FOREGROUND:
            raise StudyError(
                f"{some[0]}: in this mask and others nothing is brighter than {brightest} of 255; if they hold labels, "
                "say which are foreground: -S '+dataset.options.labels.classes.foreground=[1]'"
            )


class LabelledFiles(PairedFiles):
    """A `Dataset` of the files in `pairs`, whose masks mean what `labels` say.

    Raises:
        StudyError: as `MaskFiles` and its `check` do.
    """

    def __init__(self, pairs: Pairs, labels: MaskLabels, notes: Sequence[str]) -> None:
        super().__init__(pairs, notes)
        self._masks = MaskFiles(labels)
        if pairs.masks is not None:
            self._masks.check(pairs.masks)

    def read_mask(self, path: Path, size: int) -> Target:
        """Return the mask in the file `path`, and where it is true."""
        return self._masks.read(path, size)


def _some(files: Files) -> Sequence[Path]:
    return [files.path(number) for number in np.unique(np.linspace(0, len(files) - 1, LOOKED_AT).astype(int))]
