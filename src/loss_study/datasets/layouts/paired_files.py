"""A data set whose pictures, masks and depth maps lie in files that belong together."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from loss_study.datasets.base import Example, Item
from loss_study.datasets.layouts.listing import Files
from loss_study.datasets.layouts.pairing import Pairs
from loss_study.datasets.reading.images import read_grey, read_rgb

#: An array at the sample's size, and which of its pixels have a truth; None: all.
Target = tuple[np.ndarray, np.ndarray | None]


@dataclass(frozen=True)
class FileItem(Item):
    """An item that knows its place among the pictures, so that the source need not keep 400,000 ids."""

    number: int


class PairedFiles:
    """A `Dataset` of the pictures in `pairs`; see `loss_study.datasets.base`.

    A subclass says how a file becomes a mask (`read_mask`) or a depth map (`read_depth`).
    """

    #: See `loss_study.datasets.base.HasTestList`.
    test_objects: Sequence[str] | None = None

    def __init__(self, pairs: Pairs, notes: Sequence[str]) -> None:
        self._pairs = pairs
        self._background_place = {name: place for place, name in enumerate(pairs.backgrounds or ())}
        self._common = _common_folder(pairs.images)
        self.backgrounds: Sequence[str] | None = pairs.backgrounds
        self.objects: Sequence[str] | None = pairs.objects
        self.has_background_images = pairs.background_files is not None
        self.notes: Sequence[str] = notes

    def draw(
        self,
        backgrounds: Sequence[str] | None,
        objects: Sequence[str] | None,
        count: int,
        rng: np.random.Generator,
    ) -> list[Item]:
        """Draw items; see `Dataset.draw`."""
        pairs = self._pairs
        wanted = _is_one_of(backgrounds, pairs.backgrounds, pairs.background_of, len(pairs.images))
        wanted &= _is_one_of(objects, pairs.objects, pairs.cutout_of, len(pairs.images))
        candidates = np.flatnonzero(wanted)
        drawn = rng.choice(candidates, min(count, len(candidates)), replace=False)
        return [self._item(int(number)) for number in drawn]

    def background(self, name: str, size: int) -> np.ndarray:
        """Return a background picture; see `Dataset.background`."""
        files = self._pairs.background_files
        assert files is not None
        return read_rgb(files.path(self._background_place[name]), size)

    def example(self, item: FileItem, size: int) -> Example:
        """Return an item's arrays; see `Dataset.example`."""
        pairs, number = self._pairs, item.number
        mask, mask_valid = (None, None) if pairs.masks is None else self.read_mask(pairs.masks.path(number), size)
        depth, depth_valid = (None, None) if pairs.depths is None else self.read_depth(pairs.depths.path(number), size)
        return Example(read_rgb(pairs.images.path(number), size), mask, depth, mask_valid, depth_valid)

    def read_mask(self, path: Path, size: int) -> Target:
        """Return the mask in the file `path`: its grey values, by averaging."""
        return read_grey(path, size), None

    def read_depth(self, path: Path, size: int) -> Target:
        """Return the depth map in the file `path`: its grey values, by averaging."""
        return read_grey(path, size), None

    def _item(self, number: int) -> FileItem:
        pairs = self._pairs
        path = Path(pairs.images.relative(number)).with_suffix("").as_posix()
        background = _identity(pairs.backgrounds, pairs.background_of, number)
        return FileItem(path[self._common :], background, _identity(pairs.objects, pairs.cutout_of, number), number)


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
