"""Any folder of images with masks, depth maps or both; patterns of their names say which files belong together.

All files are stretched to the sample's square: images, relative depth maps and masks of one class by bilinear
interpolation, whatever has invalid pixels, several classes or metres by nearest neighbour.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from loss_study.config.fields import Number, Positive
from loss_study.datasets.layouts import LabelledDataset, Layout, Listing, Pairs, Split, open_pairs, scan
from loss_study.datasets.reading.depth_values import DepthMeaning
from loss_study.datasets.reading.fit import Fit
from loss_study.datasets.reading.mask_files import NO_LABELS, MaskLabels

Near = Literal["dark", "bright"]


def _is_range(values: list[float]) -> list[float]:
    if values[0] >= values[1]:
        raise ValueError("write the lower end of the range first")
    return values


#: The lower and the upper end.
Range = Annotated[list[Number], Field(min_length=2, max_length=2), AfterValidator(_is_range)]
Readings = list[Annotated[int, Field(ge=0, le=0xFFFF)]]


def open_dataset(
    path: Path,
    *,
    files: Layout,
    labels: MaskLabels = NO_LABELS,
    near: Near = "dark",
    metres_per_unit: Positive | None = None,
    halfway_m: Positive = 3.0,
    far_m: Positive = 10.0,
    depth_range: Range | None = None,
    invalid: Readings | None = None,
    image_range: Range | None = None,
    fit: Fit = "auto",
    split: Split = "own",
    allow_missing: bool = False,
    heads: Sequence[str] | None = None,
) -> Folder:
    """Open the data below the folder `path`.

    Args:
        files: patterns of the files' paths; see `loss_study.datasets.layouts.layout`.
        labels: what the values of the masks mean.
        near: whether near things are dark or bright in relative depth maps.
        metres_per_unit: distance in metres of a reading of 1; None: depth is relative.
        halfway_m: distance in metres that is stored as one half of the depth range.
        far_m: farthest distance in metres that counts: larger ones are stored as this one.
        depth_range: readings that are stored as nearest and farthest, for relative depth; None: those of the type.
        invalid: readings that mean that nothing was measured; None: 0 and 65535 for metres, none for relative depth.
        image_range: values that become black and white, for images of more than 8 bits; None: found by a look at some.
        fit: how masks and depth maps lie on their images; see `loss_study.datasets.reading.fit`.
        split: whether the data's own splits are used, where it has folders or lists of them, or all is split at random.
        allow_missing: leave out files without their partners instead of raising an error.
        heads: the kinds of ground truth that are needed; None: those that there are.

    Raises:
        StudyError: no such folder, no files of a kind, files without their partners, or masks or depth maps that would
            be read wrongly.
    """
    depth = meaning(near, metres_per_unit, halfway_m, far_m, depth_range, invalid)
    return Folder(open_pairs(scan(path), files, heads, split, allow_missing), labels, depth, fit, as_pair(image_range))


def check_files(
    listing: Listing, *, files: Layout, split: Split, allow_missing: bool, heads: Sequence[str] | None = None, **_: Any
) -> None:
    """Check that the files of `listing` fit `files`; StudyError as `open_dataset`."""
    if listing.root.is_dir() or files.background_by == "name":
        open_pairs(listing, files, heads, split, allow_missing)


def heads_with_invalid_pixels(
    *, labels: MaskLabels, metres_per_unit: float | None, invalid: list[int] | None, **_: Any
) -> tuple[str, ...]:
    """Return the heads that lack ground truth at some pixels."""
    missing = DepthMeaning(metres_per_unit=metres_per_unit, invalid=invalid).missing
    return tuple(head for head, values in (("mask", labels.ignored), ("depth", missing)) if values)


def class_names(*, labels: MaskLabels, **_: Any) -> tuple[str, ...]:
    """Return the names of the classes; none for one class."""
    return labels.class_names


class Folder(LabelledDataset):
    """The `Dataset`; its identities are the texts of ``{object}`` and ``{background}`` in the patterns."""

    objects_by_name = True

    def __init__(
        self,
        pairs: Pairs,
        labels: MaskLabels,
        depth: DepthMeaning,
        fit: Fit,
        image_range: tuple[float, float] | None,
    ) -> None:
        notes = [f"{len(pairs.images)} images in a folder (conf/dataset/folder.yaml).", *pairs.notes]
        super().__init__(pairs, labels, notes, depth=depth, fit=fit, image_range=image_range)


def meaning(
    near: Near,
    metres_per_unit: float | None,
    halfway_m: float,
    far_m: float,
    depth_range: list[float] | None,
    invalid: list[int] | None,
) -> DepthMeaning:
    """Return what these options say about depth maps."""
    return DepthMeaning(near, metres_per_unit, halfway_m, far_m, as_pair(depth_range), invalid)


def as_pair(values: list[float] | None) -> tuple[float, float] | None:
    """Return a range as a tuple."""
    return None if values is None else (values[0], values[1])
