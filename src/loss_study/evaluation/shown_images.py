"""Which predictions of the test split are stored for the report.

The report shows a panel, the same for all trials, and the images on which the losses differ most. Those are known only
when all trials are compared, so every trial stores as many predictions as there is room for.
"""

from __future__ import annotations

import numpy as np

from loss_study.data.packed import PackedSample

#: How many test images the panel has.
PANEL_IMAGES = 8
#: Room for the stored predictions of one trial: 2,048 images at 64 x 64, 167 at 224 x 224.
STORED_BYTES = 8 << 20


def panel_rows(sample: PackedSample) -> np.ndarray:
    """Return the image numbers of the panel: test images spread evenly from the smallest to the largest foreground.

    Where the sample has no masks of one class, spread evenly over the test split. The same for all trials.
    """
    rows = sample.rows("test")
    if sample.masks is not None and sample.classes == 1:
        share = np.array([float(sample.index[row]["foreground"] or "nan") for row in rows])
        rows = rows[np.argsort(share, kind="stable")]
    count = min(PANEL_IMAGES, len(rows))
    return rows[(2 * np.arange(count) + 1) * len(rows) // (2 * count)]


def stored_places(images: int, size: int) -> np.ndarray:
    """Return the places in the test split, of `images` images of `size` x `size` pixels, whose predictions are stored.

    All, or as many as there is room for, spread evenly; int64, ascending.
    """
    room = max(1, STORED_BYTES // size**2)
    return np.arange(images) if images <= room else np.linspace(0, images - 1, room).round().astype(int)
