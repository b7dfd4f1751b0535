"""A copy of the fg_bg data: composites with their backgrounds, masks and depth maps, in one of several layouts.

conf/dataset/fg_bg.yaml describes the layouts. All files are stretched to the sample's square by bilinear interpolation:
masks keep their soft edges, and folders may differ in size.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from loss_study.data.depth_scale import DEPTH_STEPS, widened
from loss_study.datasets.base import Target
from loss_study.datasets.layouts import Layout, PairedDataset, Pairs, Split, auto_layout, background_check, pair, scan
from loss_study.datasets.layouts.listing import Files
from loss_study.datasets.reading import colour_maps, twins
from loss_study.datasets.reading.images import average_depth, read_depth, read_grey

#: Depth maps that are checked for a colour map.
CHECKED = 8
#: Objects up to this number are compared with each other, by so many images of each.
COMPARED, VIEWS = 2000, 6
#: Side in pixels at which these are read.
VIEW_SIZE = 256


def open_dataset(
    path: Path,
    *,
    layouts: dict[str, Layout],
    layout: str = auto_layout.AUTO,
    near: Literal["dark", "bright"] = "dark",
    split: Split = "own",
    allow_missing: bool = False,
) -> FgBg:
    """Open the copy of the data at `path`.

    Args:
        path: a folder.
        layouts: the known layouts by name.
        layout: the name of the layout to use; ``auto`` finds the one that fits.
        near: whether near pixels are dark or bright in the depth maps; in coloured ones, whether they have the
            colours of low values (dark) or of high ones (bright).
        split: whether the data's own splits are used, where its patterns have a ``{split}``, or all is split at random.
        allow_missing: leave out files without their partners instead of raising an error.

    Raises:
        StudyError: no such folder, a layout that is unknown or does not fit, files without their partners, or
            images that show another background than the one found for them.
    """
    chosen, pairs = _pairs(path, layouts, layout, split, allow_missing)
    if pairs.background_files is not None and pairs.background_of is not None:
        background_check.check(pairs.images, pairs.background_files, pairs.background_of)
    twin_of = _twins(pairs)
    return FgBg(chosen, pairs if twin_of is None else _joined(pairs, twin_of), near, twin_of)


def check_files(
    path: Path, *, layouts: dict[str, Layout], layout: str, split: Split, allow_missing: bool, **_: Any
) -> None:
    """Check that the files below `path` fit a layout; StudyError as `open_dataset`."""
    _pairs(path, layouts, layout, split, allow_missing)


def _pairs(path: Path, layouts: dict[str, Layout], layout: str, split: Split, allow_missing: bool) -> tuple[str, Pairs]:
    listing = scan(path)
    chosen = auto_layout.choose(listing, layouts, layout)
    return chosen, pair(listing, layouts[chosen], allow_missing, own_splits=split == "own")


class FgBg(PairedDataset):
    """The `Dataset`; see `loss_study.datasets.base`."""

    def __init__(self, layout: str, pairs: Pairs, near: str, twin_of: np.ndarray | None) -> None:
        super().__init__(pairs, ())
        self.objects_by_name = twin_of is None
        self._near_is_bright = near == "bright"
        self._colour_map = _colour_map(pairs.depths)
        self.notes = (
            f"{len(pairs.images)} composites in the layout {layout!r} (conf/dataset/fg_bg.yaml).",
            *pairs.notes,
            *self._depth_notes(near),
            *self._identity_notes(twin_of),
        )

    def read_depth(self, path: Path, size: int) -> Target:
        """Return the depth map in the file `path`, its colours converted back into values."""
        if self._colour_map:
            # At the file's own size: a mean of two colours may be the colour of a third value.
            depth = average_depth(widened(colour_maps.read_values(path, self._colour_map)), size)
        else:
            depth = read_depth(path, size)
        return DEPTH_STEPS - depth if self._near_is_bright else depth, None

    def _depth_notes(self, near: str) -> list[str]:
        if self._pairs.depths is None:
            return []
        stored = f"Depth maps are the dataset's own, near = {near} (dataset.options.near)."
        if self._colour_map is None:
            return [stored]
        if self._colour_map:
            return [stored, f"They have the colour map {self._colour_map!r} and were converted back into values."]
        return [stored, "They have an unknown colour map; their luminance is used, which may not be depth."]

    def _identity_notes(self, twin_of: np.ndarray | None) -> list[str]:
        notes = []
        if not self.has_background_images:
            notes.append("There are no background images: the model sees the composite only.")
        if self.objects is None:
            notes.append("The file names do not say which object is in an image.")
        elif twin_of is not None:
            notes.append(twins.note(twin_of))
        return notes


def _colour_map(depths: Files | None) -> str | None:
    if depths is None:
        return None
    some = np.unique(np.linspace(0, len(depths) - 1, CHECKED).astype(int))
    return colour_maps.recognise([depths.path(number) for number in some])


def _twins(pairs: Pairs) -> np.ndarray | None:
    """Return for each object the number of the first one that shows the same thing; None if that cannot be told."""
    if pairs.objects is None or pairs.masks is None or len(pairs.objects) > COMPARED:
        return None
    portraits = []
    for number in range(len(pairs.objects)):
        portrait = _portrait(pairs, number)
        if portrait is None:
            return None
        portraits.append(portrait)
    return twins.groups(portraits)


def _portrait(pairs: Pairs, number: int) -> twins.Portrait | None:
    """Return the portrait of an object from a few of its images, if possible those that show all of it.

    None: its masks are empty or fill the image.
    """
    views = list(_views(pairs, number))
    whole = [view for view in views if twins.is_whole(view[1])]
    portraits = [twins.portrait(*view) for view in whole or views if np.ptp(np.asarray(view[1])) >= twins.INSIDE]
    found = [one for one in portraits if one is not None]
    return twins.mean(found) if found else None


def _views(pairs: Pairs, number: int) -> Iterator[tuple[Image.Image, Image.Image]]:
    assert pairs.object_of is not None and pairs.masks is not None
    images = np.flatnonzero(pairs.object_of == number)
    for image in images[np.unique(np.linspace(0, len(images) - 1, VIEWS).astype(int))]:
        paths = pairs.images.path(image), pairs.masks.path(image)
        grey, mask = (Image.fromarray(read_grey(path, VIEW_SIZE)) for path in paths)
        yield grey, mask


def _joined(pairs: Pairs, twin_of: np.ndarray) -> Pairs:
    """Return `pairs` with one object for all that are twins."""
    assert pairs.objects is not None and pairs.object_of is not None
    first, place = np.unique(twin_of, return_inverse=True)
    objects = tuple(pairs.objects[number] for number in first)
    return replace(pairs, objects=objects, object_of=place[pairs.object_of].astype(np.int32))
