"""Scores of seven losses with known means: seeds, cut-outs and images all have their share in the noise."""

import numpy as np

from loss_study.statistics.scores import Scores

LOSSES = ["bce", "l1", "rmse", "dice", "weighted_bce", "huber", "ssim"]
EQUAL = np.full(7, 0.02)
#: Standard deviations over seeds as they are when some losses train badly: a factor of 40 apart.
UNEQUAL = np.array([0.002, 0.01, 0.001, 0.04, 0.003, 0.02, 0.005])
SAME = np.full(7, 0.8)
DIFFERENT = np.array([0.8, 0.9, 0.9, 0.82, 0.7, 0.76, 0.84])


def make_up(rng, means, seed_spread, seeds, images=200, objects=24):
    """Draw one study's scores; a cut-out is hard or easy for all losses, and a little more for one than another."""
    clusters = np.sort(np.concatenate([np.arange(objects), rng.integers(0, objects, images - objects)]))
    shared = rng.normal(0, 0.05, objects)[clusters] + rng.normal(0, 0.08, images)
    by_loss = rng.normal(0, 0.02, (7, 1, objects))[..., clusters]
    by_seed = seed_spread[:, None, None] * rng.standard_normal((7, seeds, 1))
    noise = rng.normal(0, 0.04, (7, seeds, images))
    values = means[:, None, None] + shared + by_loss + by_seed + noise
    return Scores("mask", "iou", dict(zip(LOSSES, values, strict=True)), clusters, "cut-out")
