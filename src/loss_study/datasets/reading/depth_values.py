"""A look at some depth maps: what their readings mean as far as that can be told, and what to type for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from loss_study.datasets.reading import colour_maps
from loss_study.datasets.reading.images import DEEP, decode
from loss_study.datasets.reading.mask_values import spread, typed

#: Rows and columns of a depth map that are looked at.
SIDE = 128
#: Depth maps that are checked for a colour map.
CHECKED = 8
#: Readings of maps with 16 bits that mean, as most cameras have it, that nothing was measured.
MISSING = (0, 0xFFFF)
#: From this share on zeros matter.
MANY_ZEROS = 0.01
#: Of the distances that may be stored, those up to this share of the largest are near.
NEAR_SHARE = 0.01
KEY = "dataset.options"


@dataclass(frozen=True)
class DepthMeaning:
    """What the user says about depth maps: see conf/dataset/folder.yaml.

    `metres_per_unit` None: depth is relative. `depth_range` None: that of the file's type. `invalid` None: not said.
    """

    near: str = "dark"
    metres_per_unit: float | None = None
    halfway_m: float = 3.0
    far_m: float = 10.0
    depth_range: tuple[float, float] | None = None
    invalid: tuple[int, ...] | None = None

    @property
    def missing(self) -> tuple[int, ...]:
        """Readings that mean that nothing was measured; where there are any, numbers that are no depth do, too."""
        if self.invalid is None:
            return () if self.metres_per_unit is None else MISSING
        return self.invalid


NOTHING_SAID = DepthMeaning()


@dataclass(frozen=True)
class DepthValues:
    """What `files` depth maps hold.

    `modes` are Pillow's, sorted; `bits` are 8, 16 or 32, `floating` says whether numbers may have fractions.
    `colour_map` is the name of the colour map of most maps, "" an unknown one, None: they are grey. `readings` are
    float64 (n,), of pixels at equal distances.
    """

    files: int
    modes: tuple[str, ...]
    bits: int
    floating: bool
    colour_map: str | None
    readings: np.ndarray

    def valid(self, missing: Sequence[int] = MISSING) -> np.ndarray:
        """Return the readings that are a depth: finite, not negative and not one of `missing`."""
        readings = self.readings
        return readings[np.isfinite(readings) & (readings >= 0) & ~np.isin(readings, missing)]

    def missing(self, missing: Sequence[int] = MISSING) -> float:
        """Return the share of readings that are none."""
        return 1 - self.valid(missing).size / self.readings.size

    def percentile(self, percent: float, missing: Sequence[int] = MISSING) -> float:
        """Return a percentile of the readings that are a depth, 0 if there are none."""
        valid = self.valid(missing)
        return float(np.percentile(valid, percent)) if valid.size else 0.0

    def beyond(self, meaning: DepthMeaning) -> float:
        """Return the share of the valid readings that are farther than `far_m`, 0 for relative depth."""
        valid = self.valid(meaning.missing)
        if meaning.metres_per_unit is None or not valid.size:
            return 0.0
        return float((valid * meaning.metres_per_unit > meaning.far_m).mean())

    def problem(self, meaning: DepthMeaning = NOTHING_SAID) -> str | None:
        """Return why these maps would be read wrongly as `meaning` says, and what to type instead; None: fine."""
        raise NotImplementedError

    def suggestion(self, meaning: DepthMeaning = NOTHING_SAID) -> list[str]:
        """Return the words after -S that read these maps right where `problem` finds one; none where it does not."""
        raise NotImplementedError
