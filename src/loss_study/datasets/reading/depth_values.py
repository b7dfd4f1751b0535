"""A look at some depth maps: what their readings mean as far as that can be told, and what to type for them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from loss_study.datasets.reading import colour_maps
from loss_study.datasets.reading.images import DEEP, decode
from loss_study.datasets.reading.mask_values import percent, spread, typed
from loss_study.runtime.printable import printable

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
#: At most this share of the readings may lie beyond the farthest distance that is stored.
MOST = 0.5
#: Zeros stand apart from the other readings if these begin beyond this share of their median.
APART = 0.1
#: ... and beyond so many of the steps from one reading to the next.
STEPS = 3
EIGHT, SIXTEEN = 8, 16
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
    invalid: Sequence[int] | None = None

    @property
    def missing(self) -> Sequence[int]:
        """Readings that mean that nothing was measured; where there are any, numbers that are no depth do, too."""
        if self.invalid is None:
            return () if self.metres_per_unit is None else MISSING
        return self.invalid


NOTHING_SAID = DepthMeaning()


@dataclass(frozen=True)
class Finding:
    """Why depth maps would be read wrongly, and the words after -S that read them right under a condition."""

    what: str
    condition: str = ""
    words: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class DepthValues:
    """What `files` depth maps hold.

    `modes` are Pillow's, sorted; `bits` are 8, 16 or 32, `floating` says whether numbers may have fractions.
    `colour_map` is the name of the colour map of most maps, "" an unknown one, None: they are grey. `readings` are
    float64 (n,), of pixels at equal distances; `impossible` is the name of the first file with one that is no depth.
    """

    files: int
    modes: tuple[str, ...]
    bits: int
    floating: bool
    colour_map: str | None
    readings: np.ndarray
    impossible: str = ""

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
        found = self.finding(meaning)
        if found is None:
            return None
        return found.what + (f"; {found.condition}: {typed(found.words)}" if found.words else "")

    def suggestion(self, meaning: DepthMeaning = NOTHING_SAID) -> list[str]:
        """Return the words after -S that read these maps right where `problem` finds one; none where it does not."""
        found = self.finding(meaning)
        return found.words if found else []

    def notes(self, meaning: DepthMeaning) -> list[str]:
        """Say which share of the readings is missing or too far, and what the median is; nothing of plain depth."""
        looked, missing = f"Of the readings in {self.files} depth maps", self.missing(meaning.missing)
        if meaning.metres_per_unit is None:
            return [f"{looked} {percent(missing)} are missing."] if missing else []
        median = self.percentile(50, meaning.missing) * meaning.metres_per_unit
        beyond = f"{percent(self.beyond(meaning))} of the others lie beyond {meaning.far_m:g} m"
        return [f"{looked} {percent(missing)} are missing, and {beyond}; their median is {median:.3g} m."]

    def finding(self, meaning: DepthMeaning) -> Finding | None:
        """Return the first reason for which these maps would be read wrongly as `meaning` says."""
        if self.colour_map == "":
            return Finding("depth maps in colours of no known colour map; save their values as grey or as numbers")
        if meaning.metres_per_unit is None:
            return self._of_relative(meaning) or self._of_numbers(meaning)
        if self.bits == EIGHT:
            return Finding("depth maps of 8 bits are relative", "read them as such", [f"{KEY}.metres_per_unit=null"])
        return self._of_numbers(meaning) or self._of_metres(meaning, meaning.metres_per_unit)

    def _of_relative(self, meaning: DepthMeaning) -> Finding | None:
        if meaning.depth_range is None and self.floating:
            what = "depth maps of floating-point numbers"
            if self.valid(()).max(initial=0) <= 1:
                return Finding(what, "if 0 is nearest and 1 farthest", [f"{KEY}.depth_range=[0,1]"])
            return Finding(what, "if they are metres", self._unit(1))
        if meaning.depth_range is None and self.bits > EIGHT and not self._fill_sixteen_bits():
            relative = typed([f"{KEY}.depth_range=[0,{self.valid(()).max(initial=1):g}]"])
            return Finding(
                f"depth maps of {self.bits} bits that do not fill their range",
                f"if they are relative: {relative}; if a reading of 1 is a millimetre",
                self._unit(0.001),
            )
        if meaning.invalid is None and self._zeros_stand_apart():
            zeros = percent(float((self.readings == 0).mean()))
            is_depth = typed([f"{KEY}.invalid=[]"])
            return Finding(
                f"{zeros} of the depth readings are 0, and none is near it",
                f"if 0 is a depth: {is_depth}; if it means that nothing was measured",
                [f"{KEY}.invalid=[0]"],
            )
        return None

    def _of_numbers(self, meaning: DepthMeaning) -> Finding | None:
        if not meaning.missing and self.valid(()).size < self.readings.size:
            what = f"depth maps hold numbers that are no depth (NaN, infinite or negative), such as {self.impossible}"
            return Finding(what, "if nothing was measured there", [f"{KEY}.invalid=[0]"])
        if not self.valid(meaning.missing).size:
            return Finding("no reading in the depth maps is valid; check dataset.options.invalid")
        return None

    def _of_metres(self, meaning: DepthMeaning, unit: float) -> Finding | None:
        beyond, median = self.beyond(meaning), self.percentile(50, meaning.missing) * unit
        is_near = self.percentile(99, meaning.missing) * unit < NEAR_SHARE * meaning.far_m
        if beyond <= MOST and not is_near:
            return None
        share, where = (0.99, f"within {percent(NEAR_SHARE)} of") if is_near else (beyond, "beyond")
        what = (
            f"{percent(share)} of the readings lie {where} far_m = {meaning.far_m:g} m (median {median:.3g} m): check "
            f"dataset.options.metres_per_unit ({unit:g})"
        )
        if is_near and self.floating and unit != 1:
            return Finding(what, "if the readings are metres", self._unit(1))
        return Finding(what, "if it is right", self._limits(unit, meaning.missing))

    def _unit(self, unit: float) -> list[str]:
        """Return the words for readings in a unit of so many metres."""
        words = [f"{KEY}.metres_per_unit={unit:g}"]
        return words if self._of_metres(DepthMeaning(metres_per_unit=unit), unit) is None else self._limits(unit)

    def _limits(self, unit: float, missing: Sequence[int] = MISSING) -> list[str]:
        far, middle = (_round(self.percentile(percent, missing) * unit) for percent in (99, 50))
        return [f"{KEY}.metres_per_unit={unit:g}", f"{KEY}.far_m={far:g}", f"{KEY}.halfway_m={middle:g}"]

    def _fill_sixteen_bits(self) -> bool:
        """Whether numbers of 16 bits look like shares of their range: many are large, and hardly any is missing."""
        zeros = float((self.readings == 0).mean())
        return self.bits == SIXTEEN and self.percentile(99) > 0x7FFF and zeros < MANY_ZEROS

    def _zeros_stand_apart(self) -> bool:
        """Whether many readings are 0, hardly any others are near it, and the next one is steps away."""
        zeros, others = float((self.readings == 0).mean()), self.readings[self.readings > 0]
        if zeros < MANY_ZEROS or not others.size:
            return False
        near = float((others <= APART * np.median(others)).sum() / self.readings.size)
        distinct = np.unique(others)
        step = float(np.median(np.diff(distinct))) if distinct.size > 1 else 0.0
        return near < zeros / 10 and float(distinct[0]) > STEPS * step


def survey(paths: Sequence[Path]) -> DepthValues:
    """Look at some of the depth maps at `paths`, at least one.

    Raises:
        StudyError: a file that cannot be read.
    """
    some = [paths[number] for number in spread(len(paths))]
    colour_map = colour_maps.recognise([some[number] for number in spread(len(some), CHECKED)])
    looks = [_look(path, colour_map) for path in some]
    modes = sorted({mode for mode, _ in looks})
    return DepthValues(
        files=len(some),
        modes=tuple(modes),
        bits=max(_bits(mode) for mode in modes),
        floating="F" in modes,
        colour_map=colour_map,
        readings=np.concatenate([readings for _, readings in looks]),
        impossible=next(
            (printable(path.name) for path, look in zip(some, looks, strict=True) if _impossible(look)), ""
        ),
    )


def _impossible(look: tuple[str, np.ndarray]) -> bool:
    _, readings = look
    return not (np.isfinite(readings) & (readings >= 0)).all()


def _look(path: Path, colour_map: str | None) -> tuple[str, np.ndarray]:
    image = decode(path)
    grid = np.ix_(*(np.array(spread(length, SIDE)) for length in (image.height, image.width)))
    if colour_map:
        values = colour_maps.values_of(np.asarray(image.convert("RGB"))[grid], colour_map)
    else:
        values = np.asarray(image if image.mode in DEEP else image.convert("L"))[grid]
    return image.mode, values.ravel().astype(np.float64)


def _bits(mode: str) -> int:
    return 32 if mode in ("I", "F") else SIXTEEN if mode in DEEP else EIGHT


def _round(value: float) -> float:
    """Return the next number of two digits that is not less."""
    step = 10.0 ** (math.floor(math.log10(value)) - 1) if value > 0 else 1.0
    return float(f"{math.ceil(value / step) * step:.3g}")
