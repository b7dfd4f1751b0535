"""A copy of the fg_bg data: composites with their backgrounds, masks and depth maps, in one of several layouts.

conf/dataset/fg_bg.yaml describes the layouts. All files are stretched to the sample's square by bilinear interpolation:
masks keep their soft edges, and folders may differ in size.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from loss_study.config.fields import Positive
from loss_study.datasets.folder import Near, Range, Readings, as_pair, class_names, heads_with_invalid_pixels, meaning
from loss_study.datasets.layouts import (
    LabelledDataset,
    Layout,
    Listing,
    Pairs,
    Split,
    auto_layout,
    background_check,
    pair,
    scan,
)
from loss_study.datasets.layouts.labelled_dataset import some
from loss_study.datasets.reading import twins
from loss_study.datasets.reading.depth_values import DepthMeaning
from loss_study.datasets.reading.fit import Fit
from loss_study.datasets.reading.images import read_grey
from loss_study.datasets.reading.mask_files import NO_LABELS, MaskLabels, MaskReader

__all__ = ["check_files", "class_names", "heads_with_invalid_pixels", "open_dataset"]

#: Objects up to this number are compared with each other, by so many images of each.
COMPARED, VIEWS = 2000, 6
#: Side in pixels at which these are read.
VIEW_SIZE = 256


def open_dataset(
    path: Path,
    *,
    layouts: dict[str, Layout],
    layout: str = auto_layout.AUTO,
    labels: MaskLabels = NO_LABELS,
    near: Near = "dark",
    metres_per_unit: Positive | None = None,
    halfway_m: Positive = 3.0,
    far_m: Positive = 10.0,
    depth_range: Range | None = None,
    invalid: Readings | None = None,
    image_range: Range | None = None,
    fit: Fit = "stretched",
    split: Split = "own",
    allow_missing: bool = False,
) -> FgBg:
    """Open the copy of the data at `path`.

    Args:
        path: a folder.
        layouts: the known layouts by name.
        layout: the name of the layout to use; ``auto`` finds the one that fits.
        labels, near, metres_per_unit, halfway_m, far_m, depth_range, invalid, image_range, fit: as in
            `loss_study.datasets.folder`; in coloured depth maps `near` says whether near pixels have the colours of low
            values (dark) or of high ones (bright).
        split: whether the data's own splits are used, where its patterns have a ``{split}``, or all is split at random.
        allow_missing: leave out files without their partners instead of raising an error.

    Raises:
        StudyError: no such folder, a layout that is unknown or does not fit, files without their partners, masks or
            depth maps that would be read wrongly, or images that show another background than the one found for them.
    """
    chosen, pairs = _pairs(scan(path), layouts, layout, split, allow_missing)
    if pairs.background_files is not None and pairs.background_of is not None:
        background_check.check(pairs.images, pairs.background_files, pairs.background_of)
    twin_of = _twins(pairs, labels)
    depth = meaning(near, metres_per_unit, halfway_m, far_m, depth_range, invalid)
    pairs = pairs if twin_of is None else _joined(pairs, twin_of)
    return FgBg(chosen, pairs, twin_of, labels, depth=depth, fit=fit, image_range=as_pair(image_range))


def check_files(
    listing: Listing, *, layouts: dict[str, Layout], layout: str, split: Split, allow_missing: bool, **_: Any
) -> None:
    """Check that the files of `listing` fit a layout; StudyError as `open_dataset`."""
    _pairs(listing, layouts, layout, split, allow_missing)


def _pairs(
    listing: Listing, layouts: dict[str, Layout], layout: str, split: Split, allow_missing: bool
) -> tuple[str, Pairs]:
    chosen = auto_layout.choose(listing, layouts, layout)
    return chosen, pair(listing, layouts[chosen], allow_missing, own_splits=split == "own")


class FgBg(LabelledDataset):
    """The `Dataset`; see `loss_study.datasets.base`."""

    masks_are_shades = True

    def __init__(
        self,
        layout: str,
        pairs: Pairs,
        twin_of: np.ndarray | None,
        labels: MaskLabels,
        *,
        depth: DepthMeaning,
        fit: Fit,
        image_range: tuple[float, float] | None,
    ) -> None:
        what = f"{len(pairs.images)} composites in the layout {layout!r} (conf/dataset/fg_bg.yaml)."
        super().__init__(pairs, labels, [what, *pairs.notes], depth=depth, fit=fit, image_range=image_range)
        self.objects_by_name = twin_of is None
        self.notes = [*self.notes, *self._identity_notes(twin_of)]

    def _identity_notes(self, twin_of: np.ndarray | None) -> list[str]:
        notes = []
        if not self.has_background_images:
            notes.append("There are no background images: the model sees the composite only.")
        if self.objects is None:
            notes.append("The file names do not say which object is in an image.")
        elif twin_of is not None:
            notes.append(twins.note(twin_of))
        return notes


def _twins(pairs: Pairs, labels: MaskLabels) -> np.ndarray | None:
    """Return for each object the number of the first one that shows the same thing; None if that cannot be told."""
    if pairs.objects is None or pairs.masks is None or len(pairs.objects) > COMPARED:
        return None
    masks = MaskReader(labels, some(pairs.masks), are_shades=True)
    portraits = []
    for number in range(len(pairs.objects)):
        portrait = _portrait(pairs, masks, number)
        if portrait is None:
            return None
        portraits.append(portrait)
    return twins.groups(portraits)


def _portrait(pairs: Pairs, masks: MaskReader, number: int) -> twins.Portrait | None:
    """Return the portrait of an object from a few of its images, if possible those that show all of it.

    None: its masks are empty or fill the image.
    """
    views = list(_views(pairs, masks, number))
    whole = [view for view in views if twins.is_whole(view[1])]
    portraits = [twins.portrait(*view) for view in whole or views if np.ptp(np.asarray(view[1])) >= twins.INSIDE]
    found = [one for one in portraits if one is not None]
    return twins.mean(found) if found else None


def _views(pairs: Pairs, masks: MaskReader, number: int) -> Iterator[tuple[Image.Image, Image.Image]]:
    assert pairs.object_of is not None and pairs.masks is not None
    images = np.flatnonzero(pairs.object_of == number)
    for image in images[np.unique(np.linspace(0, len(images) - 1, VIEWS).astype(int))]:
        grey = read_grey(pairs.images.path(image), VIEW_SIZE)
        mask, _ = masks.read(pairs.masks.path(image), VIEW_SIZE)
        yield Image.fromarray(grey), Image.fromarray(mask)


def _joined(pairs: Pairs, twin_of: np.ndarray) -> Pairs:
    """Return `pairs` with one object for all that are twins."""
    assert pairs.objects is not None and pairs.object_of is not None
    first, place = np.unique(twin_of, return_inverse=True)
    objects = tuple(pairs.objects[number] for number in first)
    return replace(pairs, objects=objects, object_of=place[pairs.object_of].astype(np.int32))
