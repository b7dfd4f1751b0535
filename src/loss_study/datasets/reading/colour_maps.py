"""Depth maps that were saved with a colour map, converted back into values."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from scipy.spatial import cKDTree

from loss_study.datasets.reading.images import decode, is_grey

#: Names in Matplotlib; of two equally near maps the first is taken.
NAMES = ("plasma", "viridis", "inferno", "magma", "cividis", "jet", "turbo")
#: Mean distance of the pixels from the map's colours, of 255, up to which an image counts as made with it.
NEAR_ENOUGH = 12.0


def recognise(paths: Sequence[Path]) -> str | None:
    """Return the name of the colour map of the images at `paths`, "" for an unknown one, None if most are grey."""
    images = [np.asarray(decode(path, at_least=64).convert("RGB").resize((64, 64))) for path in paths]
    coloured = [image for image in images if not is_grey(image)]
    if 2 * len(coloured) <= len(images):
        return None
    far = {name: float(np.mean([_nearest(image, name)[0].mean() for image in coloured])) for name in NAMES}
    best = min(NAMES, key=far.__getitem__)
    return best if far[best] <= NEAR_ENOUGH else ""


def read_values(path: Path, name: str) -> np.ndarray:
    """Return the values 0..255, uint8 (H, W) at the file's own size, of an image made with the colour map `name`."""
    return values_of(np.asarray(decode(path).convert("RGB")), name)


def values_of(rgb: np.ndarray, name: str) -> np.ndarray:
    """Return the values 0..255, uint8 (H, W), that the colour map `name` has for the colours `rgb`, uint8 (H, W, 3)."""
    return _nearest(rgb, name)[1].astype(np.uint8)


@cache
def colours(name: str) -> np.ndarray:
    """Return the colour map's 256 colours, uint8 (256, 3)."""
    return colormaps[name](np.arange(256), bytes=True)[:, :3]


def _nearest(rgb: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return each pixel's distance from the nearest colour of the map, and the position of that colour in the map."""
    distances, positions = cKDTree(colours(name).astype(np.float32)).query(rgb.astype(np.float32))
    return distances, positions
