"""Whether images show the backgrounds that were found for them: a comparison of a few of them.

A composite equals its background except where the object is. The median over the pixels of the difference is therefore
near 0 for the right background, and ignores the object.
"""

from __future__ import annotations

import numpy as np

from loss_study.datasets.layouts.listing import Files
from loss_study.datasets.reading.images import read_rgb
from loss_study.runtime.errors import StudyError

#: Images and backgrounds that are compared, and the side in pixels at which they are.
IMAGES, BACKGROUNDS, SIZE = 12, 128, 32
#: One distance is clearly larger than another if it is this many times as large.
CLEARLY = 3.0
#: Median difference, of 255, up to which an image may show a background.
SIMILAR = 12.0


def mean_distance(images: Files, backgrounds: Files, background_of: np.ndarray) -> float:
    """Return the mean distance, of 255, of a few images from their backgrounds."""
    some = _evenly(len(images), IMAGES)
    return float(np.mean([distance(small(images, n), small(backgrounds, background_of[n])) for n in some]))


def check(images: Files, backgrounds: Files, background_of: np.ndarray) -> None:
    """Compare a few images with the backgrounds; StudyError if most clearly show another one than their own."""
    views = {position: small(backgrounds, position) for position in _evenly(len(backgrounds), BACKGROUNDS)}
    wrong = []
    some = _evenly(len(images), IMAGES)
    for number in some:
        image, own = small(images, number), int(background_of[number])
        own_distance = distance(image, views[own] if own in views else small(backgrounds, own))
        distances = {position: distance(image, other) for position, other in views.items()}
        best = min(distances, key=distances.__getitem__)
        if distances[best] <= SIMILAR and own_distance > CLEARLY * max(distances[best], SIMILAR / CLEARLY):
            wrong.append((number, own, best))
    if 2 * len(wrong) > len(some):
        number, own, best = wrong[0]
        raise StudyError(
            f"{images.path(number)}: its background should be {backgrounds.relative(own)}, but it shows "
            f"{backgrounds.relative(best)} ({len(wrong)} of {len(some)} compared images are wrong); correct how the "
            "background is found (background_by, first_number, images_per_background) in dataset.options.layouts"
        )


def _evenly(count: int, at_most: int) -> list[int]:
    """Return at most `at_most` evenly spaced numbers below `count`."""
    return np.unique(np.linspace(0, count - 1, min(count, at_most)).round().astype(int)).tolist()


def small(files: Files, number: int) -> np.ndarray:
    """Return file `number` as RGB values of 0 to 255, int16 (SIZE, SIZE, 3)."""
    return read_rgb(files.path(int(number)), SIZE).astype(np.int16)


def distance(one: np.ndarray, other: np.ndarray) -> float:
    """Return the median over the pixels of the difference, of 255."""
    return float(np.median(np.abs(one - other).max(axis=-1)))
