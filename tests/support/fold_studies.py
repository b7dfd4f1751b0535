"""Many made-up studies whose seeds take turns at folds, raced through the project's analysis.

The scores are made from a model in words. What loss l scores with its seed s on a test image of object o before
background b is the sum of

- the true mean of the loss;
- how easy the object and the image are for every loss, and how well the loss fits object, background and image;
- what the training images of the fold do to the loss: every part has an influence on the networks trained with it, and
  a fold trains on all parts but two, so that folds share influences in proportion to the images that they share;
- how well this seed turned out, and noise of this training on this image.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from loss_study.statistics.folds import FoldEstimates
from loss_study.statistics.looks import SIGNIFICANCE, Look
from loss_study.statistics.regret import choose, continuing, regrets

TINY = 1e-9


@dataclass(frozen=True)
class Kind:
    """What studies are like; standard deviations are in the unit of the metric.

    Attributes:
        means: true mean of each loss, more is better.
        folds: number of folds.
        turns: how many turns of all folds are planned; the study is compared after each.
        seeds: between seeds of a loss, one for each loss or one for all.
        training: of what the training images of one fold do to a loss.
        teaches: by how much more the objects that fit a loss well teach it, as a share of their fit.
        objects, backgrounds, each: how differently losses do on objects, backgrounds and images.
        noise: of a training on an image.
        skewed: whether seeds have a long tail to the low side.
        size: objects and backgrounds of a fold, which are all crossed.
        margin: the study stops when the bound is within it.
    """

    means: Sequence[float]
    folds: int
    turns: int
    seeds: float | Sequence[float] = 0.015
    training: float = 0.01
    teaches: float = 0.0
    objects: float = 0.02
    backgrounds: float = 0.02
    each: float = 0.03
    noise: float = 0.03
    skewed: bool = False
    size: tuple[int, int] = (6, 3)
    margin: float = 0.02

    @property
    def looks(self) -> tuple[int, ...]:
        return tuple(self.folds * turn for turn in range(1, self.turns + 1))

    def draw(self, rng: np.random.Generator) -> "Study":
        losses, (of_objects, of_backgrounds) = len(self.means), self.size
        part = np.repeat(np.arange(self.folds), of_objects * of_backgrounds)
        objects = np.repeat(np.arange(self.folds * of_objects), of_backgrounds)
        one = np.tile(np.arange(of_backgrounds), of_objects)
        backgrounds = np.concatenate([one + of_backgrounds * fold for fold in range(self.folds)])
        fits = rng.normal(0, self.objects, (losses, objects.max() + 1))
        image = (
            rng.normal(0, 0.1, objects.max() + 1)[objects]
            + rng.normal(0, 0.1, len(objects))
            + fits[:, objects]
            + rng.normal(0, self.backgrounds, (losses, backgrounds.max() + 1))[:, backgrounds]
            + rng.normal(0, self.each, (losses, len(objects)))
        )
        influence = rng.normal(0, self.training * np.sqrt(max(self.folds - 2, 1)), (losses, self.folds))
        influence += self.teaches * fits.reshape(losses, self.folds, -1).mean(axis=-1)
        trains = [
            [other for other in range(self.folds) if other not in (fold, (fold + 1) % self.folds)]
            for fold in range(self.folds)
        ]
        of_fold = np.stack([influence[:, parts].mean(axis=1) for parts in trains], axis=1)
        replicates = self.looks[-1]
        turned_out = rng.standard_normal((losses, replicates))
        if self.skewed:
            turned_out = 1 - rng.gamma(1, 1, turned_out.shape)
        turned_out *= np.broadcast_to(self.seeds, losses)[:, None]
        scores = rng.normal(0, self.noise, (losses, replicates, len(objects))) + image[:, None]
        fold = np.arange(replicates) % self.folds
        scores += (np.array(self.means)[:, None] + of_fold[:, fold] + turned_out)[..., None]
        scores[:, part != fold[:, None]] = np.nan
        return Study(scores, objects, backgrounds, np.array(self.means) + of_fold.mean(axis=1))


@dataclass(frozen=True)
class Study:
    """Scores of all losses from all seeds, (L, R, N), NaN outside of a seed's fold; `truth` (L,)."""

    scores: np.ndarray
    objects: np.ndarray
    backgrounds: np.ndarray
    truth: np.ndarray

    def values(self, counts: Sequence[int]) -> list[np.ndarray]:
        return [scores[:count] for scores, count in zip(self.scores, counts, strict=True)]


@dataclass
class Shares:
    """Shares of the studies that are right at every comparison, or decided; and the mean number of trainings.

    Attributes:
        bound: the regret of the choice is within its bound.
        regrets: those of all losses are, from below and above.
        pairs: all intervals of differences hold.
        means: all intervals of means hold.
        new: the regret of the choice for other training images is within its bound, which is not claimed.
        width: mean of the last bound.
    """

    bound: float
    regrets: float
    pairs: float
    means: float
    new: float
    decided: float
    width: float
    trainings: float


#: Makes estimates of the scores of each loss, (R, N), the objects and the backgrounds of the images.
Estimate = Callable[[list[np.ndarray], np.ndarray, np.ndarray], FoldEstimates]


def race(kind: Kind, studies: int, seed: int, estimate: Estimate = FoldEstimates.of) -> Shares:
    """Draw `studies` studies, race each to its end by the project's rules, and judge all that it says on the way."""
    rng = np.random.default_rng(seed)
    return Shares(*np.mean([_race(kind, kind.draw(rng), estimate) for _ in range(studies)], axis=0).tolist())


def _race(kind: Kind, study: Study, estimate: Estimate) -> list[float]:
    losses = len(kind.means)
    first, second = np.triu_indices(losses, 1)
    counts, running = np.zeros(losses, int), np.ones(losses, bool)
    right, bound = np.ones(5, bool), np.inf
    for number, end in enumerate(kind.looks, start=1):
        counts[running] = end
        look, found = Look(number, kind.looks), estimate(study.values(counts), study.objects, study.backgrounds)
        errors = found.of_differences()
        bounds = regrets(found.means, errors, look)
        choice = int(choose(bounds, kind.margin))
        regret, new = study.truth.max() - study.truth, max(kind.means) - np.array(kind.means)
        bound = bounds.high[choice]
        off = (found.means - study.truth)[first] - (found.means - study.truth)[second]
        right &= [
            regret[choice] <= bound + TINY,
            bool(((regret <= bounds.high + TINY) & (regret >= bounds.low - TINY)).all()),
            bool((np.abs(off) <= errors[first, second].reach(look.share_of(SIGNIFICANCE / 2 / len(first)))).all()),
            bool(
                (
                    np.abs(found.means - study.truth)
                    <= found.of_means().reach(look.share_of(SIGNIFICANCE / 2 / losses))
                ).all()
            ),
            new[choice] <= bound + TINY,
        ]
        running = continuing(bounds, kind.margin)
        if not running.any():
            break
    return [*right.astype(float), float(bound <= kind.margin), float(bound), float(counts.sum())]
