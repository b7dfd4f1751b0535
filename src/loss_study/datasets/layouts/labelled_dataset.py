"""A dataset of paired files whose masks hold what the user describes: shades of one class, or labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from loss_study.datasets.base import Target
from loss_study.datasets.layouts.listing import Files
from loss_study.datasets.layouts.paired_dataset import PairedDataset
from loss_study.datasets.layouts.pairing import Pairs
from loss_study.datasets.reading.mask_files import MaskLabels, MaskReader

#: Masks that are checked for the mistake of labels that are taken for shades.
CHECKED = 8


class LabelledDataset(PairedDataset):
    """A `Dataset` of the files in `pairs`, whose masks mean what `labels` says.

    Raises:
        StudyError: as `MaskReader` and its `check`.
    """

    def __init__(self, pairs: Pairs, labels: MaskLabels, notes: Sequence[str]) -> None:
        super().__init__(pairs, notes)
        self._masks = MaskReader(labels)
        if pairs.masks is not None:
            self._masks.check(_some(pairs.masks))

    def read_mask(self, path: Path, size: int) -> Target:
        """Return the mask in the file `path`, and which of its pixels are valid."""
        return self._masks.read(path, size)


def _some(files: Files) -> Sequence[Path]:
    return [files.path(number) for number in np.unique(np.linspace(0, len(files) - 1, CHECKED).astype(int))]
