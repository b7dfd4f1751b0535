"""Caltech-UCSD Birds 200-2011 in its original layout: photographs of birds with segmentations by several people.

``CUB_200_2011/images/<species>/<name>.jpg``, ``images.txt`` and ``train_test_split.txt`` beside it, and from an archive
of its own ``segmentations/<species>/<name>.png``, whose grey value is the share of the people who marked the pixel.

Source: Wah, Branson, Welinder, Perona and Belongie, The Caltech-UCSD Birds-200-2011 Dataset, Caltech CNS-TR-2011-001;
https://data.caltech.edu/records/65de6-vp158
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import Field

from loss_study.config import Number
from loss_study.datasets.layouts.description import Layout
from loss_study.datasets.layouts.listing import Listing, scan
from loss_study.datasets.layouts.official_lists import official_split, read_list
from loss_study.datasets.layouts.paired_files import PairedFiles, Target
from loss_study.datasets.layouts.pairing import Pairs, pair
from loss_study.datasets.reading.labels import LabelMap

LAYOUT = Layout(image=["images/{species}/{object}"], mask=["segmentations/{species}/{object}"])
#: Of the largest grey value: a threshold of 0.6 takes three of five people, whatever the last digit of 0.6.
ROUNDING = 1e-6


def open_dataset(
    path: Path,
    *,
    agreement: Annotated[Number, Field(gt=0, le=1)] = 0.5,
    split: Literal["official", "random"] = "official",
) -> Birds:
    """Open the data below the folder `path`.

    Args:
        agreement: a pixel is bird where at least this share of the people marked it.
        split: draw the test from the official test list and the rest from the other one, or from all pictures.

    Raises:
        StudyError: no such folder, no pictures, no segmentations, or, for the official split, no lists.
    """
    listing = scan(path)
    return Birds(pair(listing, LAYOUT, allow_missing=True), agreement, listing if split == "official" else None)


class Birds(PairedFiles):
    """The `Dataset`; every picture has an identity of its own."""

    def __init__(self, pairs: Pairs, agreement: float, lists: Listing | None) -> None:
        super().__init__(pairs, ())
        bird = [grey for grey in range(256) if grey / 255 >= agreement - ROUNDING]
        self._label_map = LabelMap([bird], others=1)
        notes = [f"{len(pairs.images)} photographs of birds (CUB-200-2011); each counts as a cut-out.", *pairs.notes]
        if lists is not None:
            official = official_split(*_lists(lists), self.objects)
            self.objects, self.test_objects = official.listed, official.test
            notes += official.notes
        self.notes = [*notes, f"A pixel is bird where {agreement:.0%} of the people or more marked it."]

    def read_mask(self, path: Path, size: int) -> Target:
        """Return the mask of the pixels that enough people marked, with soft edges."""
        return self._label_map.read_soft(path, size, 0), None


def _lists(listing: Listing) -> tuple[list[str], list[str]]:
    """Return the names of the training and of the test pictures; a number without a name stands for itself."""
    path_of = dict(read_list(listing, "images.txt", words=2))
    train, test = [], []
    for number, is_training in read_list(listing, "train_test_split.txt", words=2):
        (train if is_training == "1" else test).append(PurePosixPath(path_of.get(number, number)).stem)
    return train, test
