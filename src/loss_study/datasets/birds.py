"""Caltech-UCSD Birds 200-2011 in its original layout: photographs of birds with segmentations by several annotators.

``CUB_200_2011/images/<species>/<name>.jpg``, ``images.txt`` and ``train_test_split.txt`` beside it, and from an archive
of its own ``segmentations/<species>/<name>.png``, whose grey value is the share of the annotators who marked the pixel.

Source: Wah, Branson, Welinder, Perona and Belongie, The Caltech-UCSD Birds-200-2011 Dataset, Caltech CNS-TR-2011-001;
https://data.caltech.edu/records/65de6-vp158
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import Field

from loss_study.config.fields import Number
from loss_study.datasets.base import Target
from loss_study.datasets.layouts import Layout, Listing, PairedDataset, Pairs, pair, scan
from loss_study.datasets.layouts.official_split import official_split, read_list
from loss_study.datasets.reading.labels import LabelMap

LAYOUT = Layout(image=["images/{species}/{object}"], mask=["segmentations/{species}/{object}"])
#: Tolerance of the threshold: 0.6 means three of five annotators, whatever the last digit of 0.6 is in binary.
ROUNDING = 1e-6


def open_dataset(
    path: Path,
    *,
    agreement: Annotated[Number, Field(gt=0, le=1)] = 0.5,
    split: Literal["official", "random"] = "official",
) -> Birds:
    """Open the data below the folder `path`.

    Args:
        agreement: a pixel is bird if at least this share of the annotators marked it.
        split: ``official`` draws the test split from the official test list and the others from the training list;
            ``random`` draws all from all images.

    Raises:
        StudyError: no such folder, no images, no segmentations, or, for the official split, no lists.
    """
    listing = scan(path)
    return Birds(pair(listing, LAYOUT, allow_missing=True), agreement, listing if split == "official" else None)


class Birds(PairedDataset):
    """The `Dataset`; every image is an object of its own."""

    def __init__(self, pairs: Pairs, agreement: float, lists: Listing | None) -> None:
        super().__init__(pairs, ())
        bird = [grey for grey in range(256) if grey / 255 >= agreement - ROUNDING]
        self._label_map = LabelMap([bird], others=1)
        notes = [f"{len(pairs.images)} photographs of birds (CUB-200-2011); each counts as one object.", *pairs.notes]
        if lists is not None:
            official = official_split(*_lists(lists), self.objects or ())
            self.objects, self.test_objects = official.listed, official.test
            notes += official.notes
        self.notes = [*notes, f"A pixel is bird if at least {agreement:.0%} of the annotators marked it."]

    def read_mask(self, path: Path, size: int) -> Target:
        """Return the mask of the pixels that enough annotators marked, with soft edges."""
        return self._label_map.read_soft(path, size, 0), None


def _lists(listing: Listing) -> tuple[list[str], list[str]]:
    """Return the names of the training and of the test images; a number that images.txt lacks is its own name."""
    path_of = dict(read_list(listing, "images.txt", words=2))
    train: list[str] = []
    test: list[str] = []
    for number, is_training in read_list(listing, "train_test_split.txt", words=2):
        (train if is_training == "1" else test).append(PurePosixPath(path_of.get(number, number)).stem)
    return train, test
