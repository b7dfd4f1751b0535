"""IoU by the size of the object."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BINS = 5
#: Fewer images in a bin say nothing.
LEAST_IMAGES = 5


@dataclass(frozen=True)
class SizeBin:
    """Test images with objects of similar size: their places in the split, and their median share of foreground."""

    places: np.ndarray
    foreground: float


def size_bins(foreground: np.ndarray) -> list[SizeBin]:
    """Cut the test images, by their share of foreground (N,), into up to five bins of as many images, smallest first.

    Every image is in exactly one bin; images without foreground are in the first ones. No bin where there are too few
    images for two.
    """
    bins = min(BINS, len(foreground) // LEAST_IMAGES)
    if bins < 2:
        return []
    parts = np.array_split(np.argsort(foreground, kind="stable"), bins)
    return [SizeBin(part, float(np.median(foreground[part]))) for part in parts]
