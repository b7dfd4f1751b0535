"""A look at some images: whether they have more than 8 bits, and which range of values becomes black to white."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from loss_study.datasets.reading.images import deep_values
from loss_study.datasets.reading.mask_values import spread
from loss_study.runtime.errors import StudyError

#: Rows and columns of an image that are looked at.
SIDE = 128
#: Percentiles that become black and white.
DARK, BRIGHT = 0.1, 99.9
#: Types whose whole range is kept where values reach its upper half.
RANGES = (1, 0xFFFF)


@dataclass(frozen=True)
class ImageValues:
    """What `files` images hold: `deep` of them have more than 8 bits; percentiles `low` and `high` of their values."""

    files: int
    deep: int
    low: float
    high: float

    @property
    def value_range(self) -> tuple[float, float] | None:
        """The values that become 0 and 255; None if no image needs one.

        It is the whole range of 16 bits, or 0 to 1, if `high` is in its upper half, otherwise `low` to `high`.
        """
        if not self.deep:
            return None
        for largest in RANGES:
            if self.low >= 0 and largest / 2 < self.high <= largest:
                return 0, largest
        return self.low, max(self.high, np.nextafter(self.low, np.inf))

    def note(self, value_range: tuple[float, float]) -> str:
        """Say how the images are scaled."""
        low, high = value_range
        return (
            f"{self.deep} of {self.files} images that were looked at have more than 8 bits: values from {low:g} to "
            f"{high:g} become black to white (dataset.options.image_range)."
        )


def survey(paths: Sequence[Path]) -> ImageValues:
    """Look at some of the images at `paths`, at least one.

    Raises:
        StudyError: a file that cannot be read.
    """
    some = [paths[number] for number in spread(len(paths))]
    found = [_some_of(values) for path in some if (values := deep_values(path)) is not None]
    if not found:
        return ImageValues(len(some), 0, 0, 0)
    values = np.concatenate(found)
    values = values[np.isfinite(values)]
    if not values.size:
        raise StudyError(
            f"{some[0]}: holds no number that is finite, nor do the other images looked at; save them anew"
        )
    low, high = np.percentile(values, [DARK, BRIGHT])
    return ImageValues(len(some), len(found), float(low), float(high))


def _some_of(values: np.ndarray) -> np.ndarray:
    rows, columns = (np.array(spread(length, SIDE)) for length in values.shape[:2])
    return values[np.ix_(rows, columns)].ravel()
