"""An existing data set of composites, with their backgrounds, masks and depth maps, in whatever layout it lies.

conf/dataset/fg_bg.yaml describes the known layouts. Everything is stretched to the sample's square: pictures, masks
and depth maps by averaging, so that a mask keeps its soft edge and folders may differ in size.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from loss_study.datasets.layouts import appearance, recognition
from loss_study.datasets.layouts.description import Layout
from loss_study.datasets.layouts.listing import Files, scan
from loss_study.datasets.layouts.paired_files import PairedFiles, Target
from loss_study.datasets.layouts.pairing import Pairs, pair
from loss_study.datasets.reading import colour_maps
from loss_study.datasets.reading.images import read_grey

#: Depth maps that are looked at for a colour map.
DEPTHS_LOOKED_AT = 8


def open_dataset(
    path: Path,
    *,
    layouts: dict[str, Layout],
    layout: str = recognition.AUTO,
    near: Literal["dark", "bright"] = "dark",
    allow_missing: bool = False,
) -> FgBg:
    """Open the copy of the data at `path`.

    Args:
        path: a folder.
        layouts: the known layouts by name.
        layout: the name of the one to use; ``auto`` recognises it.
        near: whether near things are dark or bright in the depth maps; of a coloured one, whether they have the
            colours of the map's low values (dark) or of its high ones.
        allow_missing: leave out files without their partners instead of stopping.

    Raises:
        StudyError: no such folder, a layout that is unknown or does not fit, files without their partners, or
            pictures that show another background than the one found for them.
    """
    listing = scan(path)
    chosen = recognition.choose(listing, layouts, layout)
    pairs = pair(listing, layouts[chosen], allow_missing)
    if pairs.background_files is not None and pairs.background_of is not None:
        appearance.check(pairs.images, pairs.background_files, pairs.background_of)
    return FgBg(chosen, pairs, near)


class FgBg(PairedFiles):
    """The `Dataset`; see `loss_study.datasets.base`."""

    def __init__(self, layout: str, pairs: Pairs, near: str) -> None:
        super().__init__(pairs, ())
        self._near_is_bright = near == "bright"
        self._colour_map = _colour_map(pairs.depths)
        self.notes = (
            f"{len(pairs.images)} composites, laid out as {layout!r} (conf/dataset/fg_bg.yaml).",
            *pairs.notes,
            *self._depth_notes(near),
            *self._identity_notes(),
        )

    def read_depth(self, path: Path, size: int) -> Target:
        """Return the depth map in the file `path`, its colours turned back into values."""
        if self._colour_map:
            # At the file's own size: averaged colours would be other values' colours.
            values = Image.fromarray(colour_maps.read_values(path, self._colour_map))
            depth = np.asarray(values.resize((size, size), Image.Resampling.BILINEAR))
        else:
            depth = read_grey(path, size)
        return 255 - depth if self._near_is_bright else depth, None

    def _depth_notes(self, near: str) -> list[str]:
        if self._pairs.depths is None:
            return []
        stored = f"Depth maps are the data set's own, near = {near} (dataset.options.near)."
        if self._colour_map is None:
            return [stored]
        if self._colour_map:
            return [stored, f"They are coloured with the map {self._colour_map!r}, which was turned back into values."]
        return [stored, "They are coloured with an unknown map; their luminance was taken, which may not be depth."]

    def _identity_notes(self) -> list[str]:
        notes = []
        if not self.has_background_images:
            notes.append("There are no background pictures: the model sees the composite only.")
        if self.objects is None:
            notes.append("The names do not tell which cut-out stands in a picture.")
        else:
            notes.append("The names do not tell which cut-outs are mirror images: each counts as a cut-out of its own.")
        return notes


def _colour_map(depths: Files | None) -> str | None:
    if depths is None:
        return None
    some = np.unique(np.linspace(0, len(depths) - 1, DEPTHS_LOOKED_AT).astype(int))
    return colour_maps.recognise([depths.path(number) for number in some])
