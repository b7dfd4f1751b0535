"""A dataset whose images, masks and depth maps are files that belong together."""

from __future__ import annotations

import copy
import posixpath
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from loss_study.data.packed import SPLITS
from loss_study.datasets.base import Example, Item, Target
from loss_study.datasets.layouts.listing import Files
from loss_study.datasets.layouts.pairing import Pairs
from loss_study.datasets.reading.fit import Fit, orientation
from loss_study.datasets.reading.images import read_depth, read_grey, read_rgb, turned
from loss_study.runtime.printable import printable


@dataclass(frozen=True)
class FileItem(Item):
    """An item with the number of its image, so that the dataset need not keep 400,000 ids in memory."""

    number: int


class PairedDataset:
    """A `Dataset` of the images in `pairs`; see `loss_study.datasets.base`.

    Masks and depth maps are read as grey values; a subclass may override `read_mask` and `read_depth`.

    Args:
        fit: how masks and depth maps lie on images that their EXIF orientation turns; ``stretched``: any aspect ratio.
        value_range: values that become black and white in images of more than 8 bits; None: these are refused.
    """

    #: See `loss_study.datasets.base.HasTestList`.
    test_objects: Sequence[str] | None = None
    #: See `loss_study.datasets.base.HasSplits`.
    own_splits: Sequence[str] | None = None

    def __init__(
        self,
        pairs: Pairs,
        notes: Sequence[str],
        *,
        fit: Fit = "stretched",
        value_range: tuple[float, float] | None = None,
    ) -> None:
        self._pairs = pairs
        self._fit: Fit = fit
        self.value_range = value_range
        self._background_number = {name: number for number, name in enumerate(pairs.backgrounds or ())}
        self._common = _common_folder(pairs.images)
        self.backgrounds: Sequence[str] | None = pairs.backgrounds
        self.objects: Sequence[str] | None = pairs.objects
        self.has_background_images = pairs.background_files is not None
        kinds = ("image", "mask", "depth", "background")
        of_kinds = (pairs.images, pairs.masks, pairs.depths, pairs.background_files)
        self.files = {kind: files for kind, files in zip(kinds, of_kinds, strict=True) if files is not None}
        self.notes: Sequence[str] = notes
        self.group = pairs.group
        if pairs.split_of is not None:
            self.own_splits = [split for split in SPLITS if split in pairs.split_of]
        self._in_use = np.ones(len(pairs.images), dtype=bool)

    def of_split(self, split: str) -> PairedDataset:
        """Return the images of one of `own_splits`; see `HasSplits`."""
        pairs, part = self._pairs, copy.copy(self)
        assert pairs.split_of is not None
        part._in_use = pairs.split_of == split
        part.own_splits = None
        part.backgrounds = _used(pairs.backgrounds, pairs.background_of, part._in_use)
        part.objects = _used(pairs.objects, pairs.object_of, part._in_use)
        return part

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
        wanted &= self._in_use & _is_one_of(objects, pairs.objects, pairs.object_of, len(pairs.images))
        candidates = np.flatnonzero(wanted)
        drawn = rng.choice(candidates, min(count, len(candidates)), replace=False)
        return [self._item(int(number)) for number in drawn]

    def background(self, name: str, size: int) -> np.ndarray:
        """Return a background image; see `Dataset.background`."""
        files = self._pairs.background_files
        assert files is not None
        return read_rgb(files.path(self._background_number[name]), size, self.value_range)

    def example(self, item: FileItem, size: int) -> Example:
        """Return an item's arrays; see `Dataset.example`."""
        pairs, number = self._pairs, item.number
        image = pairs.images.path(number)
        mask, mask_valid = self._target(self.read_mask, image, self._masks_of(number), size)
        depths = [] if pairs.depths is None else [pairs.depths.path(number)]
        depth, depth_valid = self._target(self.read_depth, image, depths, size)
        return Example(read_rgb(image, size, self.value_range), mask, depth, mask_valid, depth_valid)

    def _masks_of(self, number: int) -> list[Path]:
        pairs = self._pairs
        paths = [] if pairs.masks is None else [pairs.masks.path(number)]
        if pairs.more_masks is not None:
            paths += [pairs.more_masks.path(int(other)) for other in np.flatnonzero(pairs.more_of == number)]
        return paths

    def _target(
        self, read: Callable[[Path, int], Target], image: Path, paths: Sequence[Path], size: int
    ) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Return a mask or depth map, turned so that it fits its image, and which of its pixels are valid.

        Of several masks a pixel has the largest value, and is valid if it is in all of them.
        """
        found = [self._turned(read(path, size), orientation(image, path, self._fit)) for path in paths]
        if not found:
            return None, None
        valid = [one for _, one in found if one is not None]
        return np.maximum.reduce([values for values, _ in found]), np.logical_and.reduce(valid) if valid else None

    @staticmethod
    def _turned(target: Target, turn: int) -> Target:
        # Turning a square after it was stretched is the same as before.
        values, valid = target
        return turned(values, turn), None if valid is None else turned(valid, turn)

    def read_mask(self, path: Path, size: int) -> Target:
        """Return the mask in the file `path`: its grey values, by averaging."""
        return read_grey(path, size), None

    def read_depth(self, path: Path, size: int) -> Target:
        """Return the depth map in the file `path`: its grey values, by averaging."""
        return read_depth(path, size), None

    def _item(self, number: int) -> FileItem:
        pairs = self._pairs
        path = Path(pairs.images.relative(number)).with_suffix("").as_posix()
        background = _identity(pairs.backgrounds, pairs.background_of, number)
        return FileItem(
            printable(path[self._common :]), background, _identity(pairs.objects, pairs.object_of, number), number
        )


def _is_one_of(
    wanted: Sequence[str] | None, names: Sequence[str] | None, name_of: np.ndarray | None, count: int
) -> np.ndarray:
    """Return which of `count` images have one of the identities `wanted`; all of them if these are unknown."""
    if wanted is None or names is None or name_of is None:
        return np.ones(count, dtype=bool)
    return np.isin(np.array(names), list(wanted))[name_of]


def _used(names: Sequence[str] | None, name_of: np.ndarray | None, where: np.ndarray) -> Sequence[str] | None:
    return None if names is None or name_of is None else [names[place] for place in np.unique(name_of[where])]


def _identity(names: Sequence[str] | None, name_of: np.ndarray | None, number: int) -> str | None:
    return None if names is None or name_of is None else names[name_of[number]]


def _common_folder(files: Files) -> int:
    """Return the length of the folder that all files share, with its last "/"."""
    used = [files.folders[number] for number in np.unique(files.folder_of)]
    common = posixpath.commonpath(used) if "" not in used else ""
    return len(common) + 1 if common else 0
