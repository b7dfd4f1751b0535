"""Oxford-IIIT Pets in its original layout: photographs of cats and dogs with a trimap each.

``images/<name>.jpg``, ``annotations/trimaps/<name>.png`` with the labels 1 pet, 2 background, 3 border, and the lists
``annotations/trainval.txt`` and ``annotations/test.txt``. Files are read by their content: some called .jpg are GIF or
PNG. The configurations ``pets``, ``pets_trimap`` and ``pets_depth`` use this file.

Source: Parkhi, Vedaldi, Zisserman and Jawahar, Cats and Dogs, CVPR 2012, https://www.robots.ox.ac.uk/~vgg/data/pets/
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np

from loss_study.datasets.base import Target
from loss_study.datasets.layouts import Layout, Listing, PairedDataset, Pairs, pair, scan
from loss_study.datasets.layouts.official_split import official_split, read_list
from loss_study.datasets.reading.labels import LabelMap

LAYOUT = Layout(image=["images/{object}"], mask=["trimaps/{object}"])
PET, BACKGROUND, BORDER = 1, 2, 3
TRIMAP_CLASSES = ("pet", "background", "border")

Labels = Literal["pet", "trimap"]
Border = Literal["pet", "background", "ignore"]


def open_dataset(
    path: Path, *, labels: Labels = "pet", border: Border = "pet", split: Literal["official", "random"] = "official"
) -> Pets:
    """Open the data below the folder `path`.

    Args:
        labels: ``pet`` or not, one class; ``trimap``, the three classes pet, background and border.
        border: what the border is if the labels are ``pet``; ``ignore`` makes its pixels invalid.
        split: ``official`` draws the test split from the official test list and the others from the training list;
            ``random`` draws all from all images.

    Raises:
        StudyError: no such folder, no images, no trimaps, or, for the official split, no lists.
    """
    listing = scan(path)
    return Pets(pair(listing, LAYOUT, allow_missing=True), labels, border, listing if split == "official" else None)


def heads_with_invalid_pixels(*, labels: Labels, border: Border, **_: Any) -> tuple[str, ...]:
    """Return the heads that lack ground truth at some pixels."""
    return ("mask",) if labels == "pet" and border == "ignore" else ()


def class_names(*, labels: Labels, **_: Any) -> tuple[str, ...]:
    """Return the names of the classes; none for one class."""
    return TRIMAP_CLASSES if labels == "trimap" else ()


class Pets(PairedDataset):
    """The `Dataset`; every image is an object of its own."""

    def __init__(self, pairs: Pairs, labels: Labels, border: Border, lists: Listing | None) -> None:
        super().__init__(pairs, ())
        self._labels, self._border = labels, border
        self._label_map = _label_map(labels, border)
        what = f"{len(pairs.images)} photographs of pets with trimaps (Oxford-IIIT Pets); each counts as one object."
        notes = [what, *pairs.notes]
        if lists is not None:
            trainval, test = ([name for (name,) in read_list(lists, file)] for file in ("trainval.txt", "test.txt"))
            official = official_split(trainval, test, self.objects or ())
            self.objects, self.test_objects = official.listed, official.test
            notes += official.notes
        self.notes = [*notes, _border_note(labels, border)]

    def read_mask(self, path: Path, size: int) -> Target:
        """Return the mask that the trimap in the file `path` gives, and which of its pixels are valid."""
        if self._labels == "pet" and self._border != "ignore":
            return self._label_map.read_soft(path, size, 0), None
        classes, valid = self._label_map.read(path, size)
        if self._labels == "trimap":
            return classes, None
        return np.where((classes == 0) & valid, 255, 0).astype(np.uint8), valid


def _label_map(labels: Labels, border: Border) -> LabelMap:
    if labels == "trimap":
        return LabelMap([[PET], [BACKGROUND], [BORDER]])
    return {
        "pet": LabelMap([[PET, BORDER], [BACKGROUND]]),
        "background": LabelMap([[PET], [BACKGROUND, BORDER]]),
        "ignore": LabelMap([[PET], [BACKGROUND]], ignored=[BORDER]),
    }[border]


def _border_note(labels: Labels, border: Border) -> str:
    if labels == "trimap":
        return "The mask has three classes: pet, background and the border between them."
    meaning = {"pet": "counts as pet", "background": "counts as background", "ignore": "has no ground truth"}
    return f"The mask is the pet; the border of the trimap {meaning[border]} (dataset.options.border)."
