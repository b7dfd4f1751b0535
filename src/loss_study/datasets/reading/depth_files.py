"""Depth maps whose meaning the user describes: metres or relative depth, with or without missing readings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from loss_study.data.depth_scale import DEPTH_STEPS, DepthScale, to_stored
from loss_study.datasets.base import Target
from loss_study.datasets.reading import colour_maps, depth_values
from loss_study.datasets.reading.depth_values import DepthMeaning
from loss_study.datasets.reading.images import DEEP, as_grey, average_depth, decode
from loss_study.datasets.reading.labels import has_coloured_palette, is_coloured, is_nearly_grey, resize_nearest
from loss_study.runtime.errors import StudyError


class DepthReader:
    """Reads the depth maps at `paths` as `meaning` says.

    A reading of z metres is stored as z / (z + `halfway_m`), one beyond `far_m` as `far_m`. Maps with missing readings
    and those in metres are stretched by nearest neighbour: the mean of two surfaces, or of a reading and a missing one,
    is no depth. Others are averaged. `notes` are sentences for the report; `scale` is None for relative depth.

    Args:
        remedy: what to do about depth maps that would be read wrongly, where `meaning` is not the user's to choose.

    Raises:
        StudyError: depth maps that would be read wrongly.
    """

    def __init__(self, meaning: DepthMeaning, paths: Sequence[Path], *, remedy: str = "") -> None:
        seen = depth_values.survey(paths)
        if found := seen.finding(meaning):
            raise StudyError(f"{paths[0].parent}: {f'{found.what}; {remedy}' if remedy else seen.problem(meaning)}")
        self._meaning = meaning
        self._colour_map = seen.colour_map
        self.scale = None if meaning.metres_per_unit is None else DepthScale(meaning.halfway_m, meaning.far_m)
        self.notes = [*self._notes(), *seen.notes(meaning)]

    def read(self, path: Path, size: int) -> Target:
        """Return the depth map, uint16 (size, size), and which pixels have a reading, bool (size, size); None: all.

        Raises:
            StudyError: a depth map unlike those that were seen, or a file that cannot be read.
        """
        meaning = self._meaning
        readings, largest = self._readings(path, size)
        valid = np.isfinite(readings) & (readings >= 0) & ~np.isin(readings, meaning.missing)
        if not meaning.missing and not valid.all():
            raise StudyError(
                f"{path}: holds numbers that are no depth (NaN, infinite or negative); they are missing readings with "
                "-S 'dataset.options.invalid=[0]'"
            )
        readings = np.where(valid, readings, 0)
        depth = self._stored(readings, largest)
        if not meaning.missing and self.scale is None:
            return self._near_first(average_depth(depth, size)), None
        depth, valid = self._near_first(resize_nearest(depth, size)), resize_nearest(valid, size)
        return np.where(valid, depth, 0).astype(np.uint16), valid

    def _near_first(self, depth: np.ndarray) -> np.ndarray:
        is_turned = self.scale is None and self._meaning.near == "bright"
        return DEPTH_STEPS - depth if is_turned else depth

    def _stored(self, readings: np.ndarray, largest: int) -> np.ndarray:
        meaning = self._meaning
        if self.scale is not None and meaning.metres_per_unit is not None:
            return to_stored(self.scale.encode(readings * meaning.metres_per_unit))
        low, high = meaning.depth_range or (0, largest)
        return to_stored(((readings - low) / (high - low)).clip(0, 1))

    def _readings(self, path: Path, size: int) -> tuple[np.ndarray, int]:
        """Return the numbers in the file, float64 (H, W), and the largest that is stored as such."""
        if self._colour_map:
            return colour_maps.read_values(path, self._colour_map).astype(np.float64), 0xFF
        image = decode(path, at_least=size)
        if image.mode in DEEP:
            if image.mode in ("I", "F") and self.scale is None and self._meaning.depth_range is None:
                raise StudyError(f"{path}: has more than 16 bits, unlike other depth maps; replace or remove it")
            return np.asarray(image).astype(np.float64), 0xFFFF
        if self.scale is not None:
            raise StudyError(f"{path}: has 8 bits, unlike other depth maps; replace or remove it")
        if (is_coloured(image) and not is_nearly_grey(image, path)) or has_coloured_palette(image):
            raise StudyError(f"{path}: a coloured depth map, and others are grey; replace or remove it")
        return np.asarray(as_grey(image, path)).astype(np.float64), 0xFF

    def _notes(self) -> list[str]:
        meaning = self._meaning
        missing = meaning.missing
        invalid = f"readings of {' or '.join(map(str, missing))} are invalid" if missing else ""
        if meaning.metres_per_unit is not None:
            unit = f"1 unit is {meaning.metres_per_unit:g} m"
            stored = f"z is stored as z / (z + {meaning.halfway_m:g} m), up to {meaning.far_m:g} m"
            return [f"Depth is measured: {'; '.join(filter(None, [unit, stored, invalid]))}."]
        notes = [f"Depth maps are the dataset's own, near = {meaning.near} (dataset.options.near)."]
        if self._colour_map:
            notes.append(f"They have the colour map {self._colour_map!r} and were converted back into values.")
        if meaning.depth_range is not None:
            low, high = meaning.depth_range
            notes.append(f"Their depth range is {low:g} to {high:g} (dataset.options.depth_range).")
        return [*notes, f"In depth maps, {invalid}."] if invalid else notes
