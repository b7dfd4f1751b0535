"""Pictures with measured depth: 16-bit depth maps in a fixed unit, with missing readings; masks where there are any.

A reading becomes its distance as a share of `far_m`, 0 at the camera to 255 at that distance and beyond. Depth maps are
stretched to the sample's square by nearest neighbour, because a pixel belongs to one surface and the mean of a reading
and a missing one is neither.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from loss_study.config import Positive
from loss_study.datasets.layouts.description import Layout
from loss_study.datasets.layouts.listing import scan
from loss_study.datasets.layouts.paired_files import Target
from loss_study.datasets.layouts.pairing import Pairs, pair
from loss_study.datasets.reading.images import SIXTEEN_BIT, decode
from loss_study.datasets.reading.labels import nearest
from loss_study.datasets.reading.mask_files import NO_LABELS, LabelledFiles, MaskLabels
from loss_study.runtime.errors import StudyError


def open_dataset(
    path: Path,
    *,
    files: Layout,
    labels: MaskLabels = NO_LABELS,
    metres_per_unit: Positive,
    far_m: Positive,
    invalid: list[Annotated[int, Field(ge=0, le=0xFFFF)]],
    allow_missing: bool = False,
) -> Rgbd:
    """Open the data below the folder `path`.

    Args:
        files: patterns of the files' paths; see `loss_study.datasets.layouts.description`.
        labels: what the values of the masks mean.
        metres_per_unit: metres that a reading of 1 stands for.
        far_m: metres from which on everything is equally far.
        invalid: readings that mean that there is none.
        allow_missing: leave out files without their partners instead of stopping.

    Raises:
        StudyError: no such folder, no files of a kind, or files without their partners.
    """
    return Rgbd(pair(scan(path), files, allow_missing), labels, metres_per_unit, far_m, invalid)


def gaps(*, labels: MaskLabels, invalid: list[int], **_: Any) -> tuple[str, ...]:
    """Return the heads that have no truth at some pixels."""
    return tuple(head for head, values in (("mask", labels.ignored), ("depth", invalid)) if values)


def class_names(*, labels: MaskLabels, **_: Any) -> tuple[str, ...]:
    """Return the names of the classes; none for one class."""
    return labels.class_names


class Rgbd(LabelledFiles):
    """The `Dataset`; its identities are what the patterns call ``{object}`` and ``{background}``."""

    def __init__(
        self, pairs: Pairs, labels: MaskLabels, metres_per_unit: float, far_m: float, invalid: list[int]
    ) -> None:
        unit = f"1 unit = {metres_per_unit:g} m, stored as distance / {far_m:g} m, and 1 beyond"
        missing = f"; readings of {' or '.join(map(str, invalid))} are missing and left out" if invalid else ""
        what = f"{len(pairs.images)} pictures with measured depth (conf/dataset/rgbd.yaml): {unit}{missing}."
        super().__init__(pairs, labels, [what, *pairs.notes])
        self._far_units = far_m / metres_per_unit
        self._invalid = invalid

    def read_depth(self, path: Path, size: int) -> Target:
        """Return the depth map in the file `path`, and where there is a reading."""
        image = decode(path)
        if image.mode not in SIXTEEN_BIT:
            raise StudyError(f"{path}: not a depth map of 16 bits (mode {image.mode}); read it with dataset=folder")
        readings = nearest(np.asarray(image), size)
        share = np.minimum(readings.astype(np.float64) / self._far_units, 1)
        valid = ~np.isin(readings, self._invalid)
        return np.where(valid, np.rint(255 * share), 0).astype(np.uint8), valid
