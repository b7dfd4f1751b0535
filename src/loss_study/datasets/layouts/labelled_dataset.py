"""A dataset of paired files that mean what the user describes: labels of masks, metres of depth, a range of values."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from loss_study.datasets.base import Target
from loss_study.datasets.layouts.listing import Files
from loss_study.datasets.layouts.paired_dataset import PairedDataset
from loss_study.datasets.layouts.pairing import Pairs
from loss_study.datasets.reading import image_values
from loss_study.datasets.reading.depth_files import DepthReader
from loss_study.datasets.reading.depth_values import NOTHING_SAID, DepthMeaning
from loss_study.datasets.reading.fit import Fit
from loss_study.datasets.reading.mask_files import MaskLabels, MaskReader
from loss_study.datasets.reading.mask_values import spread
from loss_study.runtime.errors import StudyError


class LabelledDataset(PairedDataset):
    """A `Dataset` of the files in `pairs`; it has a `depth_scale` if `depth` says what a metre is.

    A subclass whose masks cannot hold labels for grey values sets `masks_are_shades`.

    Args:
        labels: what the values of the masks mean.
        notes: sentences for the report; those on masks, depth maps and images are added.
        depth: what the readings of the depth maps mean.
        fit: how masks and depth maps lie on images that their EXIF orientation turns.
        image_range: values that become black and white in images of more than 8 bits; None: found by a look at some.

    Raises:
        StudyError: masks or depth maps that would be read wrongly.
    """

    masks_are_shades = False

    def __init__(
        self,
        pairs: Pairs,
        labels: MaskLabels,
        notes: Sequence[str],
        *,
        depth: DepthMeaning = NOTHING_SAID,
        fit: Fit = "auto",
        image_range: tuple[float, float] | None = None,
    ) -> None:
        if pairs.more_masks is not None and len(labels.classes) > 1:
            raise StudyError(
                f"{pairs.more_masks.path(0)}: a further mask of one image, and of several classes which one counts is "
                "unclear; use one class in dataset.options.labels.classes, or one mask"
            )
        images = image_values.survey(some(pairs.images))
        super().__init__(pairs, notes, fit=fit, value_range=image_range or images.value_range)
        self._masks = (
            None if pairs.masks is None else MaskReader(labels, some(pairs.masks), are_shades=self.masks_are_shades)
        )
        self._depths = None if pairs.depths is None else DepthReader(depth, some(pairs.depths))
        if self._depths is not None and self._depths.scale is not None:
            self.depth_scale = self._depths.scale
        own = [reader.notes for reader in (self._masks, self._depths) if reader is not None]
        scaled = [images.note(self.value_range)] if self.value_range is not None and images.deep else []
        self.notes = [*notes, *scaled, *(note for some in own for note in some)]

    def read_mask(self, path: Path, size: int) -> Target:
        """Return the mask in the file `path`, and which of its pixels are valid."""
        assert self._masks is not None
        return self._masks.read(path, size)

    def read_depth(self, path: Path, size: int) -> Target:
        """Return the depth map in the file `path`, and which of its pixels have a reading."""
        assert self._depths is not None
        return self._depths.read(path, size)


def some(files: Files) -> Sequence[Path]:
    """Return the paths of at most `mask_values.LOOKED_AT` of the files, at equal distances."""
    return [files.path(number) for number in spread(len(files))]
