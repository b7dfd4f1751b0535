"""True positives, false positives and false negatives, which most metrics of masks are ratios of; and means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

    from loss_study.metrics.masks import Masks


class Counts(NamedTuple):
    """Numbers of valid pixels, float64: (N,) for a mask of one class, (N, K) for several, () summed over images.

    The fields' names are those of the columns in ``per_image.csv``.
    """

    true_positives: Tensor
    false_positives: Tensor
    false_negatives: Tensor

    @classmethod
    def of(cls, masks: Masks) -> Counts:
        """Count the pixels of each image and class."""
        predicted, target, valid = masks
        return cls(
            *map(_per_image, (predicted & target & valid, predicted & ~target & valid, ~predicted & target & valid))
        )

    @classmethod
    def summed(cls, columns: Mapping[str, Tensor], suffix: str = "") -> Counts:
        """Return the counts of all images together, from columns that are named as the fields and end in `suffix`."""
        return cls(*(columns[name + suffix].sum() for name in cls._fields))

    @property
    def union(self) -> Tensor:
        """Pixels that are predicted, true or both."""
        return self.true_positives + self.false_positives + self.false_negatives


def pixel_count(pixels: Tensor) -> Tensor:
    """Return the number of true pixels of each image, float64 (N,); `pixels` is bool (N, C, H, W)."""
    return pixels.sum(dim=(1, 2, 3)).double()


def ratio(part: Tensor, whole: Tensor, union: Tensor) -> Tensor:
    """Return `part` / `whole`; where `whole` is 0, 1 if `union` is 0 as well (both masks are empty), else 0.

    So nothing predicted has precision 0 unless nothing was to be found, and where nothing is to be found recall is 0
    unless nothing was predicted.
    """
    return (part / whole).where(whole > 0, (union == 0).double())


def mean_of_present(values_NK: Tensor) -> Tensor:
    """Return the mean of each row over the values that are not NaN, (N,); NaN where all are."""
    return values_NK.nanmean(dim=1)


def mean_over_images(values_N: Tensor) -> float:
    """Return the mean over the images that have a value; NaN if none has."""
    return float(values_N[~values_N.isnan()].mean())


def mean_over_pixels(values_N1HW: Tensor, weight_N1HW: Tensor | None = None) -> Tensor:
    """Return the mean of each image over the pixels of weight 1, (N,); NaN without any. None: over all pixels."""
    if weight_N1HW is None:
        return values_N1HW.mean(dim=(1, 2, 3))
    return (values_N1HW * weight_N1HW).sum(dim=(1, 2, 3)) / weight_N1HW.sum(dim=(1, 2, 3))


def _per_image(pixels_NCHW: Tensor) -> Tensor:
    counts_NC = pixels_NCHW.sum(dim=(2, 3)).double()
    return counts_NC[:, 0] if counts_NC.shape[1] == 1 else counts_NC
