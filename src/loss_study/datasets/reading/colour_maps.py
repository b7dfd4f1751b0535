"""Depth maps that were saved through a colour map, turned back into values."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from loss_study.datasets.reading.images import decode

#: Matplotlib's, and the order in which equally near ones are preferred.
NAMES = ("plasma", "viridis", "inferno", "magma", "cividis", "jet", "turbo")
#: JPEG spreads equal channels by a few units.
GREY_SPREAD = 12
#: Mean distance of the pixels from the map's colours, of 255, up to which a picture was made with it.
NEAR_ENOUGH = 12.0


def is_grey(rgb: np.ndarray) -> bool:
    """True if the three channels of (H, W, 3) uint8 are equal, but for what JPEG adds."""
    values = rgb.astype(np.int16)
    return float(np.percentile(values.max(-1) - values.min(-1), 99)) <= GREY_SPREAD


def recognise(paths: Sequence[Path]) -> str | None:
    """Return the name of the colour map that most of the pictures at `paths` were made with; "" for another one.

    None: most of them are grey.
    """
    pictures = [np.asarray(decode(path, at_least=64).convert("RGB").resize((64, 64))) for path in paths]
    coloured = [picture for picture in pictures if not is_grey(picture)]
    if 2 * len(coloured) <= len(pictures):
        return None
    far = {name: float(np.mean([_nearest(picture, name)[0].mean() for picture in coloured])) for name in NAMES}
    best = min(NAMES, key=far.__getitem__)
    return best if far[best] <= NEAR_ENOUGH else ""


def read_values(path: Path, name: str) -> np.ndarray:
    """Return the values 0..255, uint8 (H, W) at the file's own size, of a picture made with the colour map `name`."""
    return _nearest(np.asarray(decode(path).convert("RGB")), name)[1].astype(np.uint8)


@cache
def colours(name: str) -> np.ndarray:
    """Return the colour map's 256 colours, uint8 (256, 3)."""
    from matplotlib import colormaps  # noqa: PLC0415 -- half a second that grey depth maps do not need

    return colormaps[name](np.arange(256), bytes=True)[:, :3]


def _nearest(rgb: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return each pixel's distance from the nearest colour of the map, and that colour's place."""
    from scipy.spatial import cKDTree  # noqa: PLC0415 -- likewise

    distances, places = cKDTree(colours(name).astype(np.float32)).query(rgb.astype(np.float32))
    return distances, places
