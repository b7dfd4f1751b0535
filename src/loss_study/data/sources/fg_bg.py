"""An existing data set of composites, with their backgrounds, masks and depth maps, in whatever layout it lies.

conf/dataset/fg_bg.yaml describes the known layouts. Everything is stretched to the sample's square: pictures, masks
and depth maps by averaging, so that a mask keeps its soft edge and folders may differ in size.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from loss_study.data import colour_maps
from loss_study.data.fg_bg_layouts import appearance, recognition
from loss_study.data.fg_bg_layouts.description import Layout
from loss_study.data.fg_bg_layouts.listing import Files, scan
from loss_study.data.fg_bg_layouts.pairing import Pairs, pair
from loss_study.data.pictures import read_grey, read_rgb
from loss_study.data.sources import Example, Item

#: Depth maps that are looked at for a colour map.
DEPTHS_LOOKED_AT = 8


def open_source(
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
        appearance.check(pairs.pictures, pairs.background_files, pairs.background_of)
    return FgBg(chosen, pairs, near)


@dataclass(frozen=True)
class FgBgItem(Item):
    """An item that knows its place among the pictures, so that the source need not keep 400,000 ids."""

    number: int


class FgBg:
    """The `Source`; see `loss_study.data.sources`."""

    def __init__(self, layout: str, pairs: Pairs, near: str) -> None:
        self._pairs = pairs
        self._near_is_bright = near == "bright"
        self._colour_map = _colour_map(pairs.depths)
        self._background_place = {name: place for place, name in enumerate(pairs.backgrounds or ())}
        self._common = _common_folder(pairs.pictures)
        self.backgrounds: Sequence[str] | None = pairs.backgrounds
        self.cutouts: Sequence[str] | None = pairs.cutouts
        self.has_background_pictures = pairs.background_files is not None
        self.notes: Sequence[str] = (
            f"{len(pairs.pictures)} composites, laid out as {layout!r} (conf/dataset/fg_bg.yaml).",
            *pairs.notes,
            *self._depth_notes(near),
            *self._identity_notes(),
        )

    def draw(
        self,
        backgrounds: Sequence[str] | None,
        cutouts: Sequence[str] | None,
        count: int,
        rng: np.random.Generator,
    ) -> list[Item]:
        """Draw items; see `Source.draw`."""
        pairs = self._pairs
        wanted = _is_one_of(backgrounds, pairs.backgrounds, pairs.background_of, len(pairs.pictures))
        wanted &= _is_one_of(cutouts, pairs.cutouts, pairs.cutout_of, len(pairs.pictures))
        candidates = np.flatnonzero(wanted)
        drawn = rng.choice(candidates, min(count, len(candidates)), replace=False)
        return [self._item(int(number)) for number in drawn]

    def background(self, name: str, size: int) -> np.ndarray:
        """Return a background picture; see `Source.background`."""
        files = self._pairs.background_files
        assert files is not None
        return read_rgb(files.path(self._background_place[name]), size)

    def example(self, item: FgBgItem, size: int) -> Example:
        """Return an item's arrays; see `Source.example`."""
        pairs, number = self._pairs, item.number
        return Example(
            read_rgb(pairs.pictures.path(number), size),
            None if pairs.masks is None else read_grey(pairs.masks.path(number), size),
            None if pairs.depths is None else self._depth(pairs.depths.path(number), size),
        )

    def _item(self, number: int) -> FgBgItem:
        pairs = self._pairs
        path = Path(pairs.pictures.relative(number)).with_suffix("").as_posix()
        background = _identity(pairs.backgrounds, pairs.background_of, number)
        return FgBgItem(path[self._common :], background, _identity(pairs.cutouts, pairs.cutout_of, number), number)

    def _depth(self, path: Path, size: int) -> np.ndarray:
        if self._colour_map:
            # At the file's own size: averaged colours would be other values' colours.
            values = Image.fromarray(colour_maps.read_values(path, self._colour_map))
            depth = np.asarray(values.resize((size, size), Image.Resampling.BILINEAR))
        else:
            depth = read_grey(path, size)
        return 255 - depth if self._near_is_bright else depth

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
        if not self.has_background_pictures:
            notes.append("There are no background pictures: the model sees the composite only.")
        if self.cutouts is None:
            notes.append("The names do not tell which cut-out stands in a picture.")
        else:
            notes.append("The names do not tell which cut-outs are mirror images: each counts as a cut-out of its own.")
        return notes


def _is_one_of(
    wanted: Sequence[str] | None, names: Sequence[str] | None, place_of: np.ndarray | None, count: int
) -> np.ndarray:
    """Return which of `count` pictures have one of the identities `wanted`; all where they are not known."""
    if wanted is None or names is None or place_of is None:
        return np.ones(count, dtype=bool)
    return np.isin(np.array(names), list(wanted))[place_of]


def _identity(names: Sequence[str] | None, place_of: np.ndarray | None, number: int) -> str | None:
    return None if names is None or place_of is None else names[place_of[number]]


def _common_folder(files: Files) -> int:
    """Return how many characters the paths of all files share as folders, the last "/" included."""
    used = [files.folders[place] for place in np.unique(files.folder_of)]
    common = posixpath.commonpath(used) if "" not in used else ""
    return len(common) + 1 if common else 0


def _colour_map(depths: Files | None) -> str | None:
    if depths is None:
        return None
    some = np.unique(np.linspace(0, len(depths) - 1, DEPTHS_LOOKED_AT).astype(int))
    return colour_maps.recognise([depths.path(number) for number in some])
