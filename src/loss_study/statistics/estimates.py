"""How far new seeds and new test images might move the losses' means and their differences.

The variance of a difference of two losses is the sum of three parts, each with its degrees of freedom:

- **Seeds**: of either loss the variance of its seeds' means over the test images, divided by their number. Variances
  of losses differ, so each is judged by its own seeds alone, and seeds of two losses are independent: on the default
  dataset the means of equal seeds correlate between losses by 0.0 to 0.1. Sharing what the losses' variances have in
  common (Smyth, Linear models and empirical Bayes methods, 2004) would save a fifth of the trainings, but is wrong in
  12 % of studies where the best loss is four times as noisy as the others.
- **Images**: images that share an object or a background are not independent. The variance of the mean over the images
  of the difference of the two losses, each averaged over its seeds, is that of clusters in two directions: objects plus
  backgrounds minus the images that share both (Cameron, Gelbach and Miller, Robust inference with multiway clustering,
  2011), each times c / (c - 1) for c clusters, and never below that of the objects or the backgrounds alone. It holds
  for crossed designs (many images of an object, many before a background), for nested ones and for independent images.
  Its degrees of freedom are c - 1 in the direction with the smaller c. Where few clusters have most of the images they
  decide the variance, so that c is the effective number of clusters, see `effective_count`.

Noise of one trial on one image is in both, which makes the intervals slightly too wide rather than too narrow (Owen,
The pigeonhole bootstrap, 2007). How far an estimate may be off is computed from the parts in two ways: see `Errors`.

Shape suffixes: L losses, S seeds, N images, C clusters. Leading dimensions (...) may hold several studies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import stdtrit

#: Logarithms of the p values between which `Errors.exceeded` looks.
_P_VALUES = (-100.0, float(np.log(0.5)))


@dataclass(frozen=True)
class Errors:
    """How far estimates may be off: independent variances that add up, each with its degrees of freedom.

    Attributes:
        parts: variances, which may be 0, and degrees of freedom; arrays that broadcast against each other. NaN where
            there is nothing to judge by.
    """

    parts: tuple[tuple[np.ndarray, np.ndarray], ...]

    def reach(self, level: float | np.ndarray) -> np.ndarray:
        """Return by how much an estimate lies above its true value at most, but with probability `level`.

        For normal values the level holds for every number of seeds and any ratio of the variances (Banerjee,
        Approximate confidence interval for linear functions of means of k populations when the population variances are
        not equal, 1960): with w the parts' shares of the true variance and s their estimates as multiples of the true
        ones, the square of the standardised distance is below the sum of w t^2 s with a probability that is concave in
        that sum, so at least the mean over the parts of that for t^2 s alone, which is what t was chosen for.
        """
        return np.sqrt(sum(stdtrit(freedom, level) ** 2 * variance for variance, freedom in self.parts))

    def __getitem__(self, index: tuple[np.ndarray, ...]) -> Errors:
        """Return the errors at `index` of the last dimensions of arrays of the full shape."""
        shape = np.broadcast_shapes(*(array.shape for part in self.parts for array in part))
        where: Any = (..., *index)
        return Errors(
            tuple((np.broadcast_to(v, shape)[where], np.broadcast_to(f, shape)[where]) for v, f in self.parts)
        )

    def approximate_reach(self, level: float) -> np.ndarray:
        """Return the same by Welch's approximation with the degrees of freedom of Satterthwaite (1946).

        It is shorter, which saves a quarter of the trainings, but with few seeds of unequal noise it can be too short,
        and at the tiny levels of many pairs it is.
        """
        total = np.asarray(sum(variance for variance, _ in self.parts))
        squares = np.asarray(sum(variance**2 / freedom for variance, freedom in self.parts))
        freedom = np.divide(total**2, squares, out=np.ones_like(total), where=squares > 0)
        return -stdtrit(freedom, level) * np.sqrt(total)

    def exceeded(self, distances: np.ndarray) -> np.ndarray:
        """Return the level at which the `reach` is `distances`, which are 0 or more; 0 for one below exp(-100)."""
        low, high = (np.full(np.shape(distances), end) for end in _P_VALUES)
        for _ in range(60):
            middle = (low + high) / 2
            beyond = self.reach(np.exp(middle)) < distances
            low, high = np.where(beyond, low, middle), np.where(beyond, middle, high)
        return np.where(low > _P_VALUES[0], np.exp(high), 0.0)


@dataclass(frozen=True)
class Estimates:
    """What is known of the means of several losses.

    Attributes:
        means: over seeds and images, (..., L), in the unit of the metric.
        seeds: number of seeds, (..., L).
        between_seeds: variance between a loss's seeds, (..., L); 0 for a single seed.
        of_images: variance of the mean that comes from the images, (..., L).
        of_images_paired: the same of the difference of two losses, (..., L, L).
        clusters: effective number of objects or of backgrounds, whichever is smaller; see `effective_count`.
    """

    means: np.ndarray
    seeds: np.ndarray
    between_seeds: np.ndarray
    of_images: np.ndarray
    of_images_paired: np.ndarray
    clusters: float

    @classmethod
    def of(cls, values: Sequence[np.ndarray], objects: np.ndarray, backgrounds: np.ndarray) -> Estimates:
        """Return what the scores of one study say.

        Args:
            values: for each loss its scores, (S, N); the number of seeds may differ.
            objects: number of each image's object, int (N,).
            backgrounds: number of each image's background, int (N,).
        """
        by_image_LN = np.stack([seeds.mean(axis=0) for seeds in values])
        by_seed = [seeds.mean(axis=1) for seeds in values]
        spread = np.array([means.var(ddof=1) if len(means) > 1 else 0.0 for means in by_seed])
        images_L, images_LL = image_variances(by_image_LN, objects, backgrounds)
        return cls(
            by_image_LN.mean(axis=1),
            np.array([len(means) for means in by_seed]),
            spread,
            images_L,
            images_LL,
            min(effective_count(objects), effective_count(backgrounds)),
        )

    @property
    def of_networks(self) -> bool:
        """True if every loss has a single seed: nothing is known of other seeds."""
        return bool((self.seeds == 1).all())

    def of_means(self) -> Errors:
        """Return the errors of the means, (..., L); with one seed for every loss, those from the images alone.

        NaN for a loss with one seed where another has more.
        """
        return Errors((self._of_seeds(), (self.of_images, np.asarray(self.clusters - 1))))

    def of_differences(self) -> Errors:
        """Return the errors of the differences of every two losses, (..., L, L), like those of the means."""
        variance, freedom = self._of_seeds()
        return Errors(
            (
                (variance[..., :, None], freedom[..., :, None]),
                (variance[..., None, :], freedom[..., None, :]),
                (self.of_images_paired, np.asarray(self.clusters - 1)),
            )
        )

    def _of_seeds(self) -> tuple[np.ndarray, np.ndarray]:
        freedom = np.maximum(self.seeds - 1, 1)
        if self.of_networks:
            return np.zeros(self.seeds.shape), freedom
        return np.where(self.seeds > 1, self.between_seeds / self.seeds, np.nan), freedom


def effective_count(clusters: np.ndarray) -> float:
    """Return how many clusters of equal size would say as much as these do: their number, if their sizes are equal.

    (sum of n)^2 / sum of n^2 for clusters of n images: the effective number of clusters of Carter, Schnepel and
    Steigerwald (Asymptotic behavior of a t-test robust to cluster heterogeneity, 2017) where the images of a cluster
    are alike. From 1, for one cluster with nearly all images, up to their number.

    Args:
        clusters: number of each image's cluster, int (N,).
    """
    sizes = np.unique(clusters, return_counts=True)[1].astype(float)
    return float(sizes.sum() ** 2 / (sizes**2).sum())


def image_variances(
    values_LN: np.ndarray, objects: np.ndarray, backgrounds: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the variances, over test images, of the losses' means, (..., L), and of their differences, (..., L, L).

    Args:
        values_LN: scores, (..., L, N).
        objects: number of each image's object, int (N,).
        backgrounds: number of each image's background, int (N,).
    """
    both = np.unique(np.stack([objects, backgrounds]), axis=1, return_inverse=True)[1].ravel()
    of_objects, of_backgrounds, of_both = (_covariance(values_LN, one) for one in (objects, backgrounds, both))
    parts_LL = [_of_differences(one) for one in (of_objects, of_backgrounds, of_both)]
    parts_L = [np.diagonal(one, axis1=-2, axis2=-1) for one in (of_objects, of_backgrounds, of_both)]
    return _two_way(*parts_L), _two_way(*parts_LL)


def _two_way(objects: np.ndarray, backgrounds: np.ndarray, both: np.ndarray) -> np.ndarray:
    return np.maximum(objects + backgrounds - both, np.maximum(objects, backgrounds))


def _covariance(values_LN: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """Return the covariance of the means over the images, (..., L, L), where only clusters are independent."""
    count = effective_count(clusters)
    order = np.argsort(clusters, kind="stable")
    starts = np.flatnonzero(np.diff(clusters[order], prepend=-1))
    deviations_LN = values_LN - values_LN.mean(axis=-1, keepdims=True)
    sums_LC = np.add.reduceat(deviations_LN[..., order], starts, axis=-1)
    return count / (count - 1) * (sums_LC @ np.swapaxes(sums_LC, -2, -1)) / values_LN.shape[-1] ** 2


def _of_differences(covariance_LL: np.ndarray) -> np.ndarray:
    variance_L = np.diagonal(covariance_LL, axis1=-2, axis2=-1)
    # Equal scores have a difference of 0, whatever the last digit says.
    found = variance_L[..., :, None] + variance_L[..., None, :] - 2 * covariance_LL
    return np.where(found > 1e-12 * np.maximum(variance_L[..., :, None], variance_L[..., None, :]), found, 0.0)
