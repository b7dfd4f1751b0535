"""Any folder of images with masks, depth maps or both; patterns of their names say which files belong together.

All files are stretched to the sample's square: images, depth maps and masks of one class by bilinear interpolation,
masks of several classes by nearest neighbour.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from loss_study.data.depth_scale import DEPTH_STEPS
from loss_study.datasets.base import Target
from loss_study.datasets.layouts import LabelledDataset, Layout, Pairs, Split, open_pairs
from loss_study.datasets.reading.images import read_depth
from loss_study.datasets.reading.mask_files import NO_LABELS, MaskLabels

Near = Literal["dark", "bright"]


def open_dataset(
    path: Path,
    *,
    files: Layout,
    labels: MaskLabels = NO_LABELS,
    near: Near = "dark",
    split: Split = "own",
    allow_missing: bool = False,
    heads: Sequence[str] | None = None,
) -> Folder:
    """Open the data below the folder `path`.

    Args:
        files: patterns of the files' paths; see `loss_study.datasets.layouts.layout`.
        labels: what the values of the masks mean.
        near: whether near things are dark or bright in the depth maps.
        split: whether the data's own splits are used, where it has folders or lists of them, or all is split at random.
        allow_missing: leave out files without their partners instead of raising an error.
        heads: the kinds of ground truth that are needed; None: those that there are.

    Raises:
        StudyError: no such folder, no files of a kind, files without their partners, or masks of labels that `labels`
            does not name.
    """
    return Folder(open_pairs(path, files, heads, split, allow_missing), labels, near)


def check_files(
    path: Path, *, files: Layout, split: Split, allow_missing: bool, heads: Sequence[str] | None = None, **_: Any
) -> None:
    """Check that the files below `path` fit `files`; StudyError as `open_dataset`."""
    open_pairs(path, files, heads, split, allow_missing)


def heads_with_invalid_pixels(*, labels: MaskLabels, **_: Any) -> tuple[str, ...]:
    """Return the heads that lack ground truth at some pixels."""
    return ("mask",) if labels.ignored else ()


def class_names(*, labels: MaskLabels, **_: Any) -> tuple[str, ...]:
    """Return the names of the classes; none for one class."""
    return labels.class_names


class Folder(LabelledDataset):
    """The `Dataset`; its identities are the texts of ``{object}`` and ``{background}`` in the patterns."""

    objects_by_name = True

    def __init__(self, pairs: Pairs, labels: MaskLabels, near: Near) -> None:
        notes = [f"{len(pairs.images)} images in a folder (conf/dataset/folder.yaml).", *pairs.notes]
        if pairs.depths is not None:
            notes.append(f"Depth maps are the dataset's own, near = {near} (dataset.options.near).")
        super().__init__(pairs, labels, notes)
        self._near_is_bright = near == "bright"

    def read_depth(self, path: Path, size: int) -> Target:
        """Return the depth map in the file `path`."""
        depth = read_depth(path, size)
        return DEPTH_STEPS - depth if self._near_is_bright else depth, None
