"""A copy of the fg_bg data: composites with their backgrounds, masks and depth maps, in one of several layouts.

conf/dataset/fg_bg.yaml describes the layouts. All files are stretched to the sample's square by bilinear interpolation:
masks keep their soft edges, and folders may differ in size.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from loss_study.data.depth_scale import DEPTH_STEPS, widened
from loss_study.datasets.base import Target
from loss_study.datasets.layouts import Layout, PairedDataset, Pairs, auto_layout, background_check, pair, scan
from loss_study.datasets.layouts.listing import Files
from loss_study.datasets.reading import colour_maps
from loss_study.datasets.reading.images import average_depth, read_depth

#: Depth maps that are checked for a colour map.
CHECKED = 8


def open_dataset(
    path: Path,
    *,
    layouts: dict[str, Layout],
    layout: str = auto_layout.AUTO,
    near: Literal["dark", "bright"] = "dark",
    allow_missing: bool = False,
) -> FgBg:
    """Open the copy of the data at `path`.

    Args:
        path: a folder.
        layouts: the known layouts by name.
        layout: the name of the layout to use; ``auto`` finds the one that fits.
        near: whether near pixels are dark or bright in the depth maps; in coloured ones, whether they have the
            colours of low values (dark) or of high ones (bright).
        allow_missing: leave out files without their partners instead of raising an error.

    Raises:
        StudyError: no such folder, a layout that is unknown or does not fit, files without their partners, or
            images that show another background than the one found for them.
    """
    listing = scan(path)
    chosen = auto_layout.choose(listing, layouts, layout)
    pairs = pair(listing, layouts[chosen], allow_missing)
    if pairs.background_files is not None and pairs.background_of is not None:
        background_check.check(pairs.images, pairs.background_files, pairs.background_of)
    return FgBg(chosen, pairs, near)


class FgBg(PairedDataset):
    """The `Dataset`; see `loss_study.datasets.base`."""

    def __init__(self, layout: str, pairs: Pairs, near: str) -> None:
        super().__init__(pairs, ())
        self._near_is_bright = near == "bright"
        self._colour_map = _colour_map(pairs.depths)
        self.notes = (
            f"{len(pairs.images)} composites in the layout {layout!r} (conf/dataset/fg_bg.yaml).",
            *pairs.notes,
            *self._depth_notes(near),
            *self._identity_notes(),
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

    def _identity_notes(self) -> list[str]:
        notes = []
        if not self.has_background_images:
            notes.append("There are no background images: the model sees the composite only.")
        if self.objects is None:
            notes.append("The file names do not say which object is in an image.")
        else:
            notes.append(
                "The file names do not say which objects are mirror images: each counts as an object of its own."
            )
        return notes


def _colour_map(depths: Files | None) -> str | None:
    if depths is None:
        return None
    some = np.unique(np.linspace(0, len(depths) - 1, CHECKED).astype(int))
    return colour_maps.recognise([depths.path(number) for number in some])
