"""A dataset of images whose masks are drawn from outlines in annotation files, such as those of COCO and of labelme."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from loss_study.datasets.base import Example
from loss_study.datasets.layouts.listing import Listing, files_at
from loss_study.datasets.layouts.paired_dataset import FileItem, PairedDataset
from loss_study.datasets.layouts.pairing import Pairs, usable_splits
from loss_study.datasets.layouts.pattern import split_named
from loss_study.datasets.layouts.recognise import quoted
from loss_study.datasets.reading.images import geometry, read_rgb, turned
from loss_study.datasets.reading.labels import IGNORED, UNKNOWN, resize_nearest
from loss_study.datasets.reading.mask_values import typed
from loss_study.runtime.errors import StudyError

#: The category of pixels that no outline covers.
BACKGROUND = "_background_"
#: A category, and a function of height and width that gives the pixels, bool (H, W).
Shape = tuple[str, Callable[[int, int], np.ndarray]]


@dataclass(frozen=True)
class Outlines:
    """The shapes in one image of `width` x `height` pixels; where they overlap the last one counts."""

    width: int
    height: int
    shapes: Sequence[Shape]


class Categories:
    """Which categories make up which class.

    Args:
        classes: the categories of each class; none: every category is foreground. One class: all others are background.
            Several: every category must be named, and `BACKGROUND` for what no outline covers.
        ignored: categories of invalid pixels.
    """

    def __init__(self, classes: Mapping[str, Sequence[str]], ignored: Sequence[str]) -> None:
        self.several = len(classes) > 1
        self.ignored = bool(ignored)
        self._everything = not classes
        self._number_of = {category: number for number, names in enumerate(classes.values()) for category in names}
        self._number_of |= dict.fromkeys(ignored, IGNORED)

    def check(self, found: Iterable[str], where: Path) -> None:
        """Raise a StudyError unless every category of `found` has a class, and every named one is in `found`."""
        known = sorted({*found, BACKGROUND})
        absent = sorted(set(self._number_of) - set(known))
        if absent:
            raise StudyError(
                f"dataset.options: {where} has no category {absent[0]!r}, but {', '.join(map(repr, known))}; "
                "correct classes or ignored"
            )
        unnamed = [category for category in known if self.several and category not in self._number_of]
        if BACKGROUND in unnamed:
            key = "+dataset.options.classes.background"
            raise StudyError(
                "dataset.options.classes: says of several classes which categories they are, but not what pixels "
                f"without an outline are; add {typed([f'{key}=[{BACKGROUND}]'])}, or another name than background"
            )
        if unnamed:
            listed = ",".join(quoted(name) for name in [*unnamed, *self._ignored_names])
            raise StudyError(
                f"dataset.options.classes: does not name the category {unnamed[0]!r}; add it to a class, or leave its "
                f"pixels out with {typed([f'dataset.options.ignored=[{listed}]'])}"
            )

    @property
    def named(self) -> list[str]:
        """All categories that are named."""
        return list(self._number_of)

    @property
    def _ignored_names(self) -> list[str]:
        return [category for category, number in self._number_of.items() if number == IGNORED]

    def number(self, category: str) -> int:
        """Return the number of the category's class, or `IGNORED`; of one class 0 is foreground and 1 all others."""
        if self._everything:
            return int(category == BACKGROUND)
        return self._number_of.get(category, UNKNOWN if self.several else 1)


class OutlinedDataset(PairedDataset):
    """A `Dataset` of images with `Outlines`, which a subclass returns."""

    def __init__(self, pairs: Pairs, categories: Categories, notes: Sequence[str]) -> None:
        super().__init__(pairs, notes)
        self._categories = categories

    def outlines(self, number: int) -> Outlines:
        """Return the shapes of image `number`."""
        raise NotImplementedError

    def example(self, item: FileItem, size: int) -> Example:
        """Return an item's arrays; see `Dataset.example`."""
        path = self._pairs.images.path(item.number)
        classes = self._classes(path, self.outlines(item.number))
        image = read_rgb(path, size, self.value_range)
        if not self._categories.several and not self._categories.ignored:
            inside = Image.fromarray((classes == 0).astype(np.uint8) * 255)
            return Example(image, np.array(inside.resize((size, size), Image.Resampling.BILINEAR)), None)
        small = resize_nearest(classes, size)
        valid = small != IGNORED
        mask = np.where(valid, small, 0) if self._categories.several else np.where(small == 0, 255, 0)
        return Example(image, mask.astype(np.uint8), None, valid if self._categories.ignored else None)

    def _classes(self, path: Path, outlines: Outlines) -> np.ndarray:
        """Return the class of every pixel of the image at `path`, as it is seen, int64 (H, W)."""
        seen = geometry(path)
        said, as_seen = (outlines.width, outlines.height), (seen.width, seen.height)
        is_seen, is_stored = said == as_seen, said == (as_seen[::-1] if seen.is_on_its_side else as_seen)
        if not is_seen and not is_stored:
            raise StudyError(
                f"{path}: {seen.width} x {seen.height}, but its annotation says {said[0]} x {said[1]}; replace one of "
                "them"
            )
        if is_seen and is_stored and seen.orientation != 1:
            raise StudyError(
                f"{path}: its EXIF orientation turns it, and its annotation does not say which way it lies; save the "
                "image without that orientation"
            )
        classes = np.full((outlines.height, outlines.width), self._categories.number(BACKGROUND))
        for category, pixels in outlines.shapes:
            number = self._categories.number(category)
            if number == UNKNOWN:
                raise StudyError(f"dataset.options.classes: does not name the category {category!r} of {path}; add it")
            try:
                classes[pixels(outlines.height, outlines.width)] = number
            except (ValueError, IndexError, OverflowError) as error:
                raise StudyError(
                    f"{path}: an annotation of it, {category!r}, is no outline ({error}); correct it"
                ) from None
        return classes if is_seen else turned(classes, seen.orientation)


def heads_with_invalid_pixels(*, ignored: list[str] | None, **_: Any) -> tuple[str, ...]:
    """Return the heads that lack ground truth at some pixels."""
    return ("mask",) if ignored else ()


def class_names(*, classes: Mapping[str, list[str]] | None, **_: Any) -> tuple[str, ...]:
    """Return the names of the classes; none for one class."""
    return tuple(classes) if classes and len(classes) > 1 else ()


def pairs_of(listing: Listing, images: Sequence[str], named: Sequence[str], split: str, notes: Sequence[str]) -> Pairs:
    """Return the pairs of annotated images.

    Args:
        images: their paths.
        named: for each a path whose folders or name may say the split.
        split: "own" or "random".
    """
    found = np.array([split_in(path) or "" for path in named])
    split_of, said = None, []
    if split == "own" and (found != "").all():
        split_of, note = usable_splits(found)
        said.append(note)
    return Pairs(
        images=files_at(listing, images),
        masks=None,
        depths=None,
        backgrounds=None,
        background_of=None,
        background_files=None,
        objects=None,
        object_of=None,
        notes=(*notes, *said),
        split_of=split_of,
    )


def split_in(path: str) -> str | None:
    """Return the split that a part of the path says, the last one that says any."""
    stem = path.rpartition(".")[0] or path
    words = stem.replace("_", "/").replace("-", "/").replace(".", "/").split("/")
    return next((found for word in reversed(words) if (found := split_named(word))), None)
