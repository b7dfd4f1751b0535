"""How far new seeds and new test images might move the losses' means, where the seeds take turns at folds.

Replicate r of every loss trains and is tested on fold r modulo their number, so replicates of two losses share training
and test images, and their differences D_r are what can be analysed. The variance of a difference of two means is the
sum of two parts, each with its degrees of freedom:

- **Replicates**: the variance of D_r over the replicates that both losses have, divided by their number, with one
  degree of freedom less than these. It holds the seeds, what the training images of the folds make different, and the
  images as far as the replicates test different ones.
- **Images**: the two-way clustered variance of `estimates.image_variances` over the images of all folds. Replicates of
  one fold test the same images, so this part does not fall with their number. In the first turn it counts the images
  twice, which makes the intervals too wide rather than too narrow.

The target is the mean over the folds of what their networks reach on new images (Bayle, Bayle, Janson and Mackey,
Cross-validation confidence intervals for test error, 2020): each fold's own training images are part of the question.
Other training images are not in the intervals. They cannot be: a training set of one fold overlaps with those of all
others, so no unbiased estimate exists of the variance that other sets would add (Bengio and Grandvalet, No unbiased
estimator of the variance of k-fold cross-validation, 2004). The usual correction, 1 / folds + test / training images
(Nadeau and Bengio, Inference for the generalization error, 2003), is no bound of it: docs/statistics.md.

Shape suffixes: L losses, R replicates, N images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loss_study.statistics.estimates import Errors, effective_count, image_variances


@dataclass(frozen=True)
class FoldEstimates:
    """What is known of the means of several losses, in the place of `Estimates`.

    Attributes:
        means: over images, each the mean of the replicates that test it, (L,), in the unit of the metric.
        replicates: number of replicates of each loss on the diagonal, and of every two losses' shared ones, (L, L).
        between: variance between the replicates of a loss's means, (L,); NaN for a single one.
        between_paired: variance of the difference of two losses between shared replicates, (L, L).
        of_images, of_images_paired: variance that comes from the images, of means, (L,), and differences, (L, L).
        clusters: effective number of objects or of backgrounds, whichever is smaller; see `effective_count`.
    """

    means: np.ndarray
    replicates: np.ndarray
    between: np.ndarray
    between_paired: np.ndarray
    of_images: np.ndarray
    of_images_paired: np.ndarray
    clusters: float

    @classmethod
    def of(cls, values: Sequence[np.ndarray], objects: np.ndarray, backgrounds: np.ndarray) -> FoldEstimates:
        """Return what the scores of one study say.

        A loss that lacks some of the images has no variances.

        Args:
            values: for each loss its scores, (R, N), NaN for images that are not of the replicate's fold, all NaN for a
                replicate that failed; the number of replicates may differ.
            objects: number of each image's object, int (N,).
            backgrounds: number of each image's background, int (N,).
        """
        by_image_LN = np.stack([mean_of_known(scores_RN, axis=0) for scores_RN in values])
        by_replicate_LR = np.full((len(values), max(map(len, values))), np.nan)
        for row, scores_RN in zip(by_replicate_LR, values, strict=True):
            row[: len(scores_RN)] = mean_of_known(scores_RN, axis=1)
        images_L, images_LL = image_variances(by_image_LN, objects, backgrounds)
        lacks_L = np.isnan(by_image_LN).any(axis=1)
        known_LR = np.isfinite(by_replicate_LR).astype(int)
        return cls(
            mean_of_known(by_image_LN, axis=1),
            known_LR @ known_LR.T,
            _variance(by_replicate_LR),
            _variance(by_replicate_LR[:, None] - by_replicate_LR),
            np.where(lacks_L, np.nan, images_L),
            np.where(lacks_L[:, None] | lacks_L, np.nan, images_LL),
            min(effective_count(objects), effective_count(backgrounds)),
        )

    @property
    def of_networks(self) -> bool:
        """True if no loss has more than one replicate: nothing is known of other seeds."""
        return bool((np.diagonal(self.replicates) <= 1).all())

    def of_means(self) -> Errors:
        """Return the errors of the means, (L,), as `Estimates.of_means`."""
        return self._errors(self.between, np.diagonal(self.replicates), self.of_images)

    def of_differences(self) -> Errors:
        """Return the errors of the differences of every two losses, (L, L), as `Estimates.of_differences`."""
        return self._errors(self.between_paired, self.replicates, self.of_images_paired)

    def _errors(self, between: np.ndarray, count: np.ndarray, images: np.ndarray) -> Errors:
        of_replicates = np.zeros(between.shape) if self.of_networks else between / np.maximum(count, 1)
        return Errors(((of_replicates, np.maximum(count - 1, 1)), (images, np.asarray(self.clusters - 1))))


def mean_of_known(values: np.ndarray, axis: int) -> np.ndarray:
    """Return the mean along `axis` of what is not NaN; NaN where nothing is known."""
    known = np.isfinite(values)
    count = known.sum(axis=axis)
    sums = np.where(known, values, 0.0).sum(axis=axis)
    return np.divide(sums, count, out=np.full(sums.shape, np.nan), where=count > 0)


def _variance(values: np.ndarray) -> np.ndarray:
    """Return the sample variance along the last axis of what is not NaN; NaN where that is less than two values."""
    known = np.isfinite(values)
    squares = np.where(known, values - mean_of_known(values, axis=-1)[..., None], 0.0) ** 2
    freedom = known.sum(axis=-1) - 1
    return np.divide(squares.sum(axis=-1), freedom, out=np.full(freedom.shape, np.nan), where=freedom > 0)
