"""Which background stands behind a picture, where the two names do not share it."""

from __future__ import annotations

import re

import numpy as np

from loss_study.datasets.layouts import appearance, lists
from loss_study.datasets.layouts.description import NUMBER, Layout
from loss_study.datasets.layouts.listing import Files, Found, Listing
from loss_study.runtime.errors import StudyError


def in_order(found: Found) -> Found:
    """Return the backgrounds in natural order, bg_2 before bg_10: the order that positions count in."""
    order = sorted(range(len(found.files)), key=lambda number: _natural(found.files.relative(number)))
    return Found(found.files.take(np.array(order)), [found.words[number] for number in order])


def _natural(path: str) -> tuple[list[str | int], str]:
    # Split by digits, text and numbers alternate, so that like is compared with like.
    return [int(part) if part.isdecimal() else part.lower() for part in re.split(r"([0-9]+)", path)], path


def numbers(listing: Listing, layout: Layout, pictures: Found, found: Found) -> np.ndarray:
    """Return for each picture the place of its background in `found`, int32 (N,); -1 where a list does not tell.

    Raises:
        StudyError: a number with no background, or a first number that cannot be worked out.
    """
    if layout.background_by == "list":
        return lists.read_log(listing, layout.list_file, pictures.files, found.files)
    told = np.array([int(words[NUMBER]) for words in pictures.words])
    if layout.background_by == "number":
        return _by_number(layout, pictures.files, found, told)
    first = layout.first_number
    if first is None:
        first = _first_number(layout, pictures.files, found.files, told)
    places = (told - first) // layout.pictures_per_background
    return _checked(
        pictures.files, told, places, (places >= 0) & (places < len(found.files)), f"{len(found.files)} from {first} on"
    )


def _by_number(layout: Layout, pictures: Files, found: Found, told: np.ndarray) -> np.ndarray:
    place_of = {int(words[NUMBER]): place for place, words in enumerate(found.words)}
    if len(place_of) < len(found.words):
        raise StudyError(f"{found.files.path(0).parent}: two backgrounds have the same number; remove one of them")
    wanted = (told - (layout.first_number or 0)) // layout.pictures_per_background
    places = np.array([place_of.get(number, -1) for number in wanted.tolist()], dtype=np.int32)
    return _checked(pictures, wanted, places, places >= 0, f"{min(place_of)} to {max(place_of)}")


def _checked(pictures: Files, told: np.ndarray, places: np.ndarray, exists: np.ndarray, known: str) -> np.ndarray:
    wrong = np.flatnonzero(~exists)
    if len(wrong):
        raise StudyError(
            f"{pictures.path(wrong[0])}: asks for background {told[wrong[0]]}, there are {known} ({len(wrong)} such "
            "pictures); complete the backgrounds, or correct background_by, first_number or pictures_per_background"
        )
    return places.astype(np.int32)


def _first_number(layout: Layout, pictures: Files, backgrounds: Files, told: np.ndarray) -> int:
    """Do numbers count from 0 or from 1? Where both would do, the pictures themselves tell."""
    per = layout.pictures_per_background
    fitting = [
        first for first in (0, 1) if (told.min() - first) // per >= 0 and (told.max() - first) // per < len(backgrounds)
    ]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        return 0
    both = [(told - first) // per for first in fitting]
    differ = np.flatnonzero(both[0] != both[1])
    if not len(differ):
        return 0
    far = [appearance.mean_distance(pictures.take(differ), backgrounds, places[differ]) for places in both]
    best = int(np.argmin(far))
    if max(far) < appearance.CLEARLY * max(min(far), 1.0):
        raise StudyError(
            f"{pictures.root}: cannot tell whether backgrounds count from 0 or from 1; say so with "
            "-S dataset.options.layouts.<layout>.first_number=0 (or 1)"
        )
    return fitting[best]
