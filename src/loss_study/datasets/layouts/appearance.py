"""Does a picture show the background that the names say? A look at a few of them.

A composite is its background except where the object stands, so that most pixels agree; the median over the pixels of
the difference is near 0 for the right background, and does not see the object.
"""

from __future__ import annotations

import numpy as np

from loss_study.datasets.layouts.listing import Files
from loss_study.datasets.reading.images import read_rgb
from loss_study.runtime.errors import StudyError

PICTURES, BACKGROUNDS, SIZE = 12, 128, 32
#: One distance is clearly larger than another if it is so many times as large.
CLEARLY = 3.0
#: Median difference, of 255, up to which a picture may show a background.
SIMILAR = 12.0


def mean_distance(pictures: Files, backgrounds: Files, background_of: np.ndarray) -> float:
    """Return how far, of 255, a few pictures are on average from their backgrounds."""
    some = _spread(len(pictures), PICTURES)
    return float(np.mean([_distance(_small(pictures, n), _small(backgrounds, background_of[n])) for n in some]))


def check(pictures: Files, backgrounds: Files, background_of: np.ndarray) -> None:
    """Look at a few pictures: raise a StudyError if most of them show clearly another background than theirs."""
    small = {place: _small(backgrounds, place) for place in _spread(len(backgrounds), BACKGROUNDS)}
    wrong = []
    some = _spread(len(pictures), PICTURES)
    for number in some:
        picture, place = _small(pictures, number), int(background_of[number])
        own = _distance(picture, small[place] if place in small else _small(backgrounds, place))
        best = min(small, key=lambda other, image=picture: _distance(picture, small[other]))
        nearest = _distance(picture, small[best])
        if nearest <= SIMILAR and own > CLEARLY * max(nearest, SIMILAR / CLEARLY):
            wrong.append((number, place, best))
    if 2 * len(wrong) > len(some):
        number, place, best = wrong[0]
        raise StudyError(
            f"{pictures.path(number)}: its background should be {backgrounds.relative(place)}, but it shows "
            f"{backgrounds.relative(best)} ({len(wrong)} of {len(some)} pictures looked at are so); correct how the "
            "background is found (background_by, first_number, pictures_per_background) in dataset.options.layouts"
        )


def _spread(count: int, at_most: int) -> list[int]:
    return np.unique(np.linspace(0, count - 1, min(count, at_most)).round().astype(int)).tolist()


def _small(files: Files, number: int) -> np.ndarray:
    return read_rgb(files.path(int(number)), SIZE).astype(np.int16)


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.median(np.abs(one - other).max(axis=-1)))
