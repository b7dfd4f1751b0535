"""The background of each image, where the names of the two do not share a word."""

from __future__ import annotations

import re

import numpy as np

from loss_study.datasets.layouts import background_check, list_files
from loss_study.datasets.layouts.layout import Layout
from loss_study.datasets.layouts.listing import Files, Found, Listing
from loss_study.datasets.layouts.pattern import NUMBER
from loss_study.runtime.errors import StudyError


def in_natural_order(found: Found) -> Found:
    """Return the backgrounds in natural order, bg_2 before bg_10: positions count in this order."""
    order = sorted(range(len(found.files)), key=lambda number: _natural(found.files.relative(number)))
    return Found(found.files.take(np.array(order)), [found.words[number] for number in order])


def _natural(path: str) -> tuple[list[str | int], str]:
    # Split by digits, text and numbers alternate: text is compared with text, numbers with numbers.
    return [int(part) if part.isdecimal() else part.lower() for part in re.split(r"([0-9]+)", path)], path


def look_up(listing: Listing, layout: Layout, images: Found, backgrounds: Found) -> np.ndarray:
    """Return for each image the position of its background in `backgrounds`, int32 (N,); -1 where a list has none.

    Raises:
        StudyError: a number without a background, or a first number that cannot be worked out.
    """
    if layout.background_by == "list":
        assert layout.list_file is not None
        return list_files.read_log(listing, layout.list_file, images.files, backgrounds.files)
    number_of = np.array([int(words[NUMBER]) for words in images.words])
    if layout.background_by == "number":
        return _by_number(layout, images.files, backgrounds, number_of)
    first = layout.first_number
    if first is None:
        first = _first_number(layout, images.files, backgrounds.files, number_of)
    positions = (number_of - first) // layout.images_per_background
    count = len(backgrounds.files)
    exists = (positions >= 0) & (positions < count)
    return _checked(images.files, number_of, positions, exists, f"{count} from {first} on")


def _by_number(layout: Layout, images: Files, backgrounds: Found, number_of: np.ndarray) -> np.ndarray:
    position_of = {int(words[NUMBER]): position for position, words in enumerate(backgrounds.words)}
    if len(position_of) < len(backgrounds.words):
        raise StudyError(
            f"{backgrounds.files.path(0).parent}: two backgrounds have the same number; remove one of them"
        )
    wanted = (number_of - (layout.first_number or 0)) // layout.images_per_background
    positions = np.array([position_of.get(number, -1) for number in wanted.tolist()], dtype=np.int32)
    return _checked(images, wanted, positions, positions >= 0, f"{min(position_of)} to {max(position_of)}")


def _checked(images: Files, wanted: np.ndarray, positions: np.ndarray, exists: np.ndarray, existing: str) -> np.ndarray:
    wrong = np.flatnonzero(~exists)
    if len(wrong):
        raise StudyError(
            f"{images.path(wrong[0])}: needs background {wanted[wrong[0]]}, but there are {existing} ({len(wrong)} "
            "such images); complete the backgrounds, or correct background_by, first_number, images_per_background"
        )
    return positions.astype(np.int32)


def _first_number(layout: Layout, images: Files, backgrounds: Files, number_of: np.ndarray) -> int:
    """Return whether numbers count from 0 or from 1; where both are possible, the images decide."""
    per = layout.images_per_background
    possible = [
        first
        for first in (0, 1)
        if (number_of.min() - first) // per >= 0 and (number_of.max() - first) // per < len(backgrounds)
    ]
    if len(possible) == 1:
        return possible[0]
    if not possible:
        return 0
    both = [(number_of - first) // per for first in possible]
    differ = np.flatnonzero(both[0] != both[1])
    if not len(differ):
        return 0
    distances = [background_check.mean_distance(images.take(differ), backgrounds, one[differ]) for one in both]
    best = int(np.argmin(distances))
    if max(distances) < background_check.CLEARLY * max(min(distances), 1.0):
        raise StudyError(
            f"{images.root}: it is unclear whether backgrounds count from 0 or from 1; set it with "
            "-S dataset.options.layouts.<layout>.first_number=0 (or 1)"
        )
    return possible[best]
