"""A hierarchical bootstrap: the means that the losses might have had with other seeds and other test images.

A draw of all losses together is their means + a deviation at the level of the images + one at the level of the seeds.
Both levels are made for few units, where plain resampling with replacement gives intervals that are too narrow: three
seeds drawn with replacement show two thirds of their variance, and nothing of the uncertainty of that variance.

**Images.** Clusters (objects) are drawn with replacement, the same ones for all losses, so that differences are
paired over images (Field and Welsh, Bootstrapping clustered data, 2007). With c clusters the deviation is multiplied by
sqrt(c / X), X of chi-square with c - 1 degrees of freedom: it has the spread of the unbiased variance and the tails of
Student's t, as in Hesterberg, What Teachers Should Know about the Bootstrap (2015), section 3.2.

**Seeds.** A seed's mean over the images is normal around its loss's with a variance of that loss's own, and these
variances follow a scaled inverse chi-square distribution with unknown scale and degrees of freedom, so that a loss's
variance is judged by its own seeds and, as far as the losses resemble one another, by all (Smyth, Linear models and
empirical Bayes methods, 2004; here integrated over both unknowns). Prior: flat in the logarithm of the scale and, up to
`WIDEST`, in the standard deviation of the variances' logarithms (Gelman, Prior distributions for variance parameters,
2006). Seeds are drawn for each loss independently: on the default dataset the means of four seeds correlate between
losses by 0.0 on average. If a seed helped or harmed two losses alike, the interval of their difference would be wider
than necessary. With one seed for every loss this level is left out.

The noise of one trial on one image is counted at both levels, which makes the intervals slightly too wide rather than
too narrow (Owen, The pigeonhole bootstrap, 2007).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import betaln, polygamma

#: A difference is significant where its adjusted p value is below this; intervals have the remaining probability.
SIGNIFICANCE = 0.05
#: Largest standard deviation of the logarithms of the losses' variances over seeds that the prior allows.
WIDEST = 3.0
#: Resamples that are computed at a time, to bound the memory.
_BLOCK = 500
#: Smallest standard deviation over seeds. It is far below what is shown, and avoids a division by zero.
_LEAST = 1e-6


def resample(
    values: Sequence[np.ndarray], clusters: np.ndarray, resamples: int, rng: np.random.Generator
) -> np.ndarray:
    """Return the losses' means as they might have been, float64 (resamples, losses).

    Args:
        values: for each loss its scores, (seeds, images); the number of seeds may differ.
        clusters: number of each image's cluster, int (images,), at least two different ones.
    """
    means = [seeds.mean(axis=1) for seeds in values]
    of_images = image_deviations(np.stack([seeds.mean(axis=0) for seeds in values]), clusters, resamples, rng)
    centre = np.array([seeds.mean() for seeds in means])
    return centre + of_images + seed_deviations(means, resamples, rng)


def interval(draws: np.ndarray) -> tuple[float, float]:
    """Return the 95 % interval of `draws`, (resamples,)."""
    low, high = np.quantile(draws, [SIGNIFICANCE / 2, 1 - SIGNIFICANCE / 2])
    return float(low), float(high)


def image_deviations(
    values_LN: np.ndarray, clusters: np.ndarray, resamples: int, rng: np.random.Generator
) -> np.ndarray:
    """Return how far other test images might move the losses' means, (resamples, losses)."""
    count = int(clusters.max()) + 1
    sizes = np.bincount(clusters)
    sums_CL = np.stack([np.bincount(clusters, row) for row in values_LN], axis=1)
    blocks = [min(_BLOCK, resamples - start) for start in range(0, resamples, _BLOCK)]
    drawn = np.concatenate(
        [_means(rng.multinomial(count, np.full(count, 1 / count), n), sums_CL, sizes) for n in blocks]
    )
    spread = np.sqrt(count / rng.chisquare(count - 1, (resamples, 1)))
    return spread * (drawn - values_LN.mean(axis=1))


def _means(times_BC: np.ndarray, sums_CL: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    return (times_BC @ sums_CL) / (times_BC @ sizes)[:, None]


def seed_deviations(means: Sequence[np.ndarray], resamples: int, rng: np.random.Generator) -> np.ndarray:
    """Return how far other seeds might move the losses' means, (resamples, losses); 0 where no loss has two seeds.

    Args:
        means: for each loss the means over the images, one per seed.
    """
    counts = np.array([len(seeds) for seeds in means])
    freedom = counts - 1
    if not freedom.any():
        return np.zeros((resamples, len(means)))
    variances = np.array([max(seeds.var(ddof=1), _LEAST**2) if len(seeds) > 1 else 0.0 for seeds in means])
    scale, strength = _common(variances[freedom > 0], freedom[freedom > 0], resamples, rng)
    total = (strength * scale)[:, None] + freedom * variances
    variance_BL = total / rng.chisquare(strength[:, None] + freedom)
    return rng.standard_normal(variance_BL.shape) * np.sqrt(variance_BL / counts)


def _common(
    variances: np.ndarray, freedom: np.ndarray, resamples: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw scale and degrees of freedom of the variances' common distribution from their posterior, on a grid."""
    logs = np.log(variances)
    scale = np.exp(np.linspace(logs.min() - 12, logs.max() + 12, 161))
    strength = np.geomspace(0.5, 2000, 60)
    width = np.sqrt(polygamma(1, strength / 2))
    prior = np.where(width < WIDEST, -np.gradient(width), 0.0)
    x_SDL = variances / scale[:, None, None]
    half, half_D1 = freedom / 2, strength[:, None] / 2
    density = (
        half * np.log(half / half_D1)
        + half * np.log(x_SDL)
        - (half + half_D1) * np.log1p(half / half_D1 * x_SDL)
        - betaln(half, half_D1)
    ).sum(axis=-1)
    weight = prior * np.exp(density - density.max())
    chosen = rng.choice(weight.size, resamples, p=(weight / weight.sum()).ravel())
    return scale[chosen // len(strength)], strength[chosen % len(strength)]
