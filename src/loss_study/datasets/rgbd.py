"""Images with measured depth: 16-bit depth maps in a fixed unit, with missing readings, and optional masks.

A reading of z metres is stored as z / (z + `halfway_m`), one beyond `far_m` as `far_m`. Depth maps are stretched to
the sample's square by nearest neighbour: the mean of two surfaces, or of a reading and a missing one, is no depth.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from loss_study.config import Positive
from loss_study.data.depth_scale import DepthScale, to_stored
from loss_study.datasets.base import Target
from loss_study.datasets.layouts import LabelledDataset, Layout, Pairs, Split, open_pairs
from loss_study.datasets.reading.images import SIXTEEN_BIT, decode
from loss_study.datasets.reading.labels import resize_nearest
from loss_study.datasets.reading.mask_files import NO_LABELS, MaskLabels
from loss_study.runtime.errors import StudyError


def open_dataset(
    path: Path,
    *,
    files: Layout,
    labels: MaskLabels = NO_LABELS,
    metres_per_unit: Positive,
    halfway_m: Positive,
    far_m: Positive,
    invalid: list[Annotated[int, Field(ge=0, le=0xFFFF)]],
    split: Split = "own",
    allow_missing: bool = False,
    heads: Sequence[str] | None = None,
) -> Rgbd:
    """Open the data below the folder `path`.

    Args:
        files: patterns of the files' paths; see `loss_study.datasets.layouts.layout`.
        labels: what the values of the masks mean.
        metres_per_unit: distance in metres of a reading of 1.
        halfway_m: distance in metres that is stored as one half of the depth range.
        far_m: farthest distance in metres that counts: larger ones are stored as this one.
        invalid: readings that mean that nothing was measured.
        split: whether the data's own splits are used, where it has folders or lists of them, or all is split at random.
        allow_missing: leave out files without their partners instead of raising an error.
        heads: the kinds of ground truth that are needed; None: those that there are.

    Raises:
        StudyError: no such folder, no files of a kind, or files without their partners.
    """
    pairs = open_pairs(path, files, heads, split, allow_missing)
    return Rgbd(pairs, labels, metres_per_unit, DepthScale(halfway_m, far_m), invalid)


def check_files(
    path: Path, *, files: Layout, split: Split, allow_missing: bool, heads: Sequence[str] | None = None, **_: Any
) -> None:
    """Check that the files below `path` fit `files`; StudyError as `open_dataset`."""
    open_pairs(path, files, heads, split, allow_missing)


def heads_with_invalid_pixels(*, labels: MaskLabels, invalid: list[int], **_: Any) -> tuple[str, ...]:
    """Return the heads that lack ground truth at some pixels."""
    return tuple(head for head, values in (("mask", labels.ignored), ("depth", invalid)) if values)


def class_names(*, labels: MaskLabels, **_: Any) -> tuple[str, ...]:
    """Return the names of the classes; none for one class."""
    return labels.class_names


class Rgbd(LabelledDataset):
    """The `Dataset`; its identities are the texts of ``{object}`` and ``{background}`` in the patterns."""

    objects_by_name = True

    def __init__(
        self, pairs: Pairs, labels: MaskLabels, metres_per_unit: float, depth_scale: DepthScale, invalid: list[int]
    ) -> None:
        halfway_m, far_m = depth_scale.halfway_m, depth_scale.farthest_m
        unit = f"1 unit is {metres_per_unit:g} m; z is stored as z / (z + {halfway_m:g} m), up to {far_m:g} m"
        missing = f"; readings of {' or '.join(map(str, invalid))} are invalid" if invalid else ""
        what = f"{len(pairs.images)} images with measured depth (conf/dataset/rgbd.yaml): {unit}{missing}."
        super().__init__(pairs, labels, [what, *pairs.notes])
        self.depth_scale = depth_scale
        self._metres_per_unit = metres_per_unit
        self._invalid = invalid

    def read_depth(self, path: Path, size: int) -> Target:
        """Return the depth map in the file `path`, and which of its pixels have a reading."""
        image = decode(path)
        if image.mode not in SIXTEEN_BIT:
            raise StudyError(f"{path}: not a 16-bit depth map (mode {image.mode}); use dataset=folder for it")
        readings = resize_nearest(np.asarray(image), size)
        valid = ~np.isin(readings, self._invalid)
        depth = to_stored(self.depth_scale.encode(readings.astype(np.float64) * self._metres_per_unit))
        return np.where(valid, depth, 0).astype(np.uint16), valid
