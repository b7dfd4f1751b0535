"""Scores of seven losses with known means; seeds, objects and images all add noise."""

import dataclasses

import numpy as np

from loss_study.config import Margin
from loss_study.metrics import HEADLINE
from loss_study.statistics.looks import ONLY, Look
from loss_study.statistics.ranking import Ranking, rank
from loss_study.statistics.results import Result
from loss_study.statistics.scores import Identities, Scores
from loss_study.trial import Trial

LOSSES = ["bce", "l1", "rmse", "dice", "weighted_bce", "huber", "ssim"]
EQUAL = np.full(7, 0.02)
#: Standard deviations over seeds as they are when some losses train badly: a factor of 40 apart.
UNEQUAL = np.array([0.002, 0.01, 0.001, 0.04, 0.003, 0.02, 0.005])
SAME = np.full(7, 0.8)
DIFFERENT = np.array([0.8, 0.9, 0.9, 0.82, 0.7, 0.76, 0.84])


def make_up(rng, means, seed_spread, seeds, images=200, objects=24):
    """Draw one study's scores; an object is hard or easy for all losses, and a little more for one than for another.

    Every image has a background of its own.
    """
    clusters = np.sort(np.concatenate([np.arange(objects), rng.integers(0, objects, images - objects)]))
    shared = rng.normal(0, 0.05, objects)[clusters] + rng.normal(0, 0.08, images)
    by_loss = rng.normal(0, 0.02, (7, 1, objects))[..., clusters]
    by_seed = seed_spread[:, None, None] * rng.standard_normal((7, seeds, 1))
    noise = rng.normal(0, 0.04, (7, seeds, images))
    values = means[:, None, None] + shared + by_loss + by_seed + noise
    objects = Identities.of([f"cut{number}" for number in clusters])
    backgrounds = Identities.of([f"bg{number}" for number in range(images)])
    return Scores("mask", HEADLINE["mask"], dict(zip(LOSSES, values, strict=True)), objects, backgrounds)


def study(means, spread=0.002, seeds=3, metric=HEADLINE["mask"], head="mask"):
    """Scores of one to seven losses, the last ones of `LOSSES` left out."""
    missing = 7 - len(means)
    made = make_up(np.random.default_rng(0), np.array([*means, *[0] * missing]), np.full(7, spread), seeds)
    return dataclasses.replace(made, head=head, metric=metric, values=dict(list(made.values.items())[: len(means)]))


def ranked(scores: Scores, look: Look = ONLY, margin: Margin | None = None, **failed: int) -> Ranking:
    """Rank `scores`; `failed` is the number of failed trials of a loss, which may have no sound one."""
    decides = scores.metric == HEADLINE[scores.head]
    return rank(scores, results_of(scores, **failed), look, (margin or Margin()) if decides else None)


def results_of(scores: Scores, **failed: int) -> list[Result]:
    """The sound trials that `scores` are of, and the `failed` ones of each loss."""
    sound = {loss: values.mean(axis=1).tolist() for loss, values in scores.values.items()}
    results = []
    for loss in [*sound, *(loss for loss in failed if loss not in sound)]:
        means = sound.get(loss, [])
        results += [
            _result(scores.head, loss, seed, "", {HEADLINE[scores.head]: mean}) for seed, mean in enumerate(means)
        ]
        results += [_result(scores.head, loss, len(means) + n, "failed", {}) for n in range(failed.get(loss, 0))]
    return results


def _result(head: str, loss: str, seed: int, verdict: str, test: dict[str, float]) -> Result:
    return Result(Trial(head, loss, seed), "finished", verdict, "", {}, test, None, (), ())
