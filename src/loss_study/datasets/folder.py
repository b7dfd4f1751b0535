"""Any folders of pictures with masks, depth maps or both, tied together by patterns of their names.

Everything is stretched to the sample's square: pictures, depth maps and masks of one class by averaging, masks of
several classes by nearest neighbour.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from loss_study.datasets.layouts.description import Layout
from loss_study.datasets.layouts.listing import scan
from loss_study.datasets.layouts.paired_files import Target
from loss_study.datasets.layouts.pairing import Pairs, pair
from loss_study.datasets.reading.images import read_grey
from loss_study.datasets.reading.mask_files import NO_LABELS, LabelledFiles, MaskLabels

Near = Literal["dark", "bright"]


def open_dataset(
    path: Path, *, files: Layout, labels: MaskLabels = NO_LABELS, near: Near = "dark", allow_missing: bool = False
) -> Folder:
    """Open the data below the folder `path`.

    Args:
        files: patterns of the files' paths; see `loss_study.datasets.layouts.description`.
        labels: what the values of the masks mean.
        near: whether near things are dark or bright in the depth maps.
        allow_missing: leave out files without their partners instead of stopping.

    Raises:
        StudyError: no such folder, no files of a kind, files without their partners, or masks of labels that `labels`
            does not name.
    """
    return Folder(pair(scan(path), files, allow_missing), labels, near)


def gaps(*, labels: MaskLabels, **_: Any) -> tuple[str, ...]:
    """Return the heads that have no truth at some pixels."""
    return ("mask",) if labels.ignored else ()


def class_names(*, labels: MaskLabels, **_: Any) -> tuple[str, ...]:
    """Return the names of the classes; none for one class."""
    return labels.class_names


class Folder(LabelledFiles):
    """The `Dataset`; its identities are what the patterns call ``{object}`` and ``{background}``."""

    def __init__(self, pairs: Pairs, labels: MaskLabels, near: Near) -> None:
        notes = [f"{len(pairs.images)} pictures of a folder (conf/dataset/folder.yaml).", *pairs.notes]
        if pairs.depths is not None:
            notes.append(f"Depth maps are the data set's own, near = {near} (dataset.options.near).")
        super().__init__(pairs, labels, notes)
        self._near_is_bright = near == "bright"

    def read_depth(self, path: Path, size: int) -> Target:
        """Return the depth map in the file `path`."""
        depth = read_grey(path, size)
        return 255 - depth if self._near_is_bright else depth, None
