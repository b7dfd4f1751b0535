"""Many made-up studies in which some trainings fail, raced through the project's ranking, and how often it is right.

The scores are made from two stories of how a training fails, neither of them the project's rule.

- *stuck*: with some probability a training never leaves the constant prediction, or reaches only a part of what the
  others reach.
- *late*: every training leaves the constant prediction after a random time; what it then learns grows towards what the
  loss can reach, quickly at first. Some have not left it at the end, some have only just.

A study asks for the mean of the trainings that learn: those that reach the project's share of what is nearly the best
training of that loss, here the best one in a thousand. The true means are those of 100,000 trainings.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from loss_study.config import Margin
from loss_study.metrics import HEADLINE
from loss_study.statistics.looks import Look
from loss_study.statistics.ranking import Ranking, rank
from loss_study.statistics.results import LEAST_OF_LOSS, Result, mark
from loss_study.statistics.scores import Identities, Scores
from loss_study.trial import Trial

LOOKS = (3, 6, 9, 12)
CONSTANT, IMAGES, TINY = 0.08, 60, 1e-9
#: Draws what trainings learn, (losses, trainings), as a gain over the constant prediction.
Draw = Callable[[np.random.Generator, int], np.ndarray]


def stuck(gains: Sequence[float], seeds: float, shares: float | Sequence[float], most: float = 0.1) -> Draw:
    """Trainings that reach `gains`, but a share of them no more than `most` of that."""

    def draw(rng: np.random.Generator, trainings: int) -> np.ndarray:
        shape, whole = (len(gains), trainings), np.array(gains)[:, None]
        fails = rng.random(shape) < np.broadcast_to(shares, len(gains))[:, None]
        return np.where(fails, whole * rng.uniform(0, most, shape), whole + rng.normal(0, seeds, shape))

    return draw


def late(gains: Sequence[float], seeds: float, waits: float | Sequence[float], pace: float = 0.15) -> Draw:
    """Trainings that wait for `waits` of their time, in the mean, before they learn; then `pace` of it is quick."""

    def draw(rng: np.random.Generator, trainings: int) -> np.ndarray:
        shape = (len(gains), trainings)
        left = np.clip(1 - rng.exponential(1, shape) * np.broadcast_to(waits, len(gains))[:, None], 0, None)
        reached = (1 - np.exp(-left / pace)) / (1 - np.exp(-1 / pace))
        return np.array(gains)[:, None] * reached + rng.normal(0, seeds, shape)

    return draw


SEVEN = (0.58, 0.575, 0.57, 0.56, 0.55, 0.53, 0.49)
CLEAR = (0.62, *(0.55,) * 6)
TWENTY_TWO = tuple(np.linspace(0.75, 0.70, 22).tolist())
FIRST, LAST = (0.1, *(0.0,) * 6), (*(0.0,) * 6, 0.1)
KINDS = {
    "none fails": stuck(SEVEN, 0.02, 0.0),
    "one of seven fails, 3 in 10": stuck(SEVEN, 0.011, (0.3, *(0.0,) * 6)),
    "the best fails, 1 in 10": stuck(CLEAR, 0.011, FIRST),
    "the last fails, 1 in 10": stuck(SEVEN, 0.011, LAST),
    "all fail, 1 in 50": stuck(SEVEN, 0.011, 0.02),
    "all fail, 1 in 10": stuck(SEVEN, 0.011, 0.1),
    "all fail, 1 in 10, more or less": stuck(SEVEN, 0.011, 0.1, most=1.0),
    "the best fails, 1 in 10, more or less": stuck(CLEAR, 0.011, FIRST, most=1.0),
    "all are late by a tenth": late(SEVEN, 0.011, 0.1),
    "all are late by a fifth": late(SEVEN, 0.011, 0.2),
    "all are late by 3 tenths": late(SEVEN, 0.011, 0.3),
    "the best is late by a fifth": late(CLEAR, 0.011, (0.2, *(0.02,) * 6)),
    "hardly any learns": stuck((0.05, 0.045, 0.04, 0.04, 0.03, 0.03, 0.02), 0.012, 0.0),
    "the worst never fails, the others 4 in 10": stuck((*SEVEN[:6], 0.2), 0.011, (*(0.4,) * 6, 0.0)),
    "two losses, 1 in 10": stuck((0.6, 0.55), 0.015, 0.1),
    "two losses, every second": stuck((0.6, 0.55), 0.015, 0.5),
    "22 losses, 1 in 20": stuck(TWENTY_TWO, 0.015, 0.05),
}


@dataclass(frozen=True)
class Shares:
    """Shares of the studies that are right at every comparison, of what they say of the losses that they compare.

    Attributes:
        bound: the regret of the choice is within its bound.
        regrets: so are the regrets of all losses, from below and above.
        pairs, means: all intervals hold.
        decided: the study ends with a bound within the margin.
        compared: mean number of losses that are compared in the end.
        trainings: mean number of trainings.
    """

    bound: float
    regrets: float
    pairs: float
    means: float
    decided: float
    compared: float
    trainings: float


def true_means(draw: Draw, share: float) -> np.ndarray:
    """Return the mean score of those trainings of each loss that learn `share` of what its best ones do, (L,)."""
    gains = draw(np.random.default_rng(0), 100_000)
    least = share * np.quantile(gains, 0.999, axis=1, keepdims=True)
    return CONSTANT + np.array([row[row >= limit].mean() for row, limit in zip(gains, least, strict=True)])


def race(draw: Draw, studies: int, seed: int, *, marked: bool = True) -> Shares:
    """Draw studies, race each to its end, and judge all that it says on the way.

    Args:
        marked: False: no training counts as failed, and a study asks for the mean of all trainings.
    """
    rng = np.random.default_rng(seed)
    truth = true_means(draw, LEAST_OF_LOSS if marked else -np.inf)
    return Shares(*np.mean([_race(draw, truth, rng, marked) for _ in range(studies)], axis=0).tolist())


def _race(draw: Draw, truth: np.ndarray, rng: np.random.Generator, marked: bool) -> list[float]:
    gains = draw(rng, LOOKS[-1])
    easy, fits = rng.normal(0, 0.1, IMAGES), rng.normal(0, 0.003 * np.sqrt(IMAGES), (len(gains), 1, IMAGES))
    scores = CONSTANT + gains[..., None] + (easy - easy.mean()) + fits + rng.normal(0, 0.02, (*gains.shape, IMAGES))
    names = [f"l{number}" for number in range(len(gains))]
    true_of = dict(zip(names, truth.tolist(), strict=True))
    counts, training, right = dict.fromkeys(names, 0), names, np.ones(4, bool)
    for number, seeds in enumerate(LOOKS, start=1):
        counts |= dict.fromkeys(training, seeds)
        ranking = _ranked({name: scores[place][: counts[name]] for place, name in enumerate(names)}, number, marked)
        right &= judge(ranking, true_of)
        training = list(ranking.contenders)
        if not training:
            break
    return [*right, ranking.decided, len(ranking.compared), sum(counts.values())]


def _ranked(scores: dict[str, np.ndarray], number: int, marked: bool) -> Ranking:
    results = [
        Result(
            Trial("mask", name, seed), "finished", "", "", {}, {HEADLINE["mask"]: float(one.mean())}, None, (), (), 1,
            CONSTANT if marked else None,
        )
        for name, of_loss in scores.items()
        for seed, one in enumerate(of_loss)
    ]  # fmt: skip
    results = mark(results)
    sound = {name: [one.trial.seed for one in results if one.trial.loss == name and one.sound] for name in scores}
    values = {name: scores[name][seeds] for name, seeds in sound.items() if seeds}
    alone = Identities.of([f"{image}" for image in range(IMAGES)])
    found = Scores("mask", HEADLINE["mask"], values, alone, alone)
    return rank(found, results, Look(number, LOOKS), Margin())


def judge(ranking: Ranking, truth: dict[str, float]) -> np.ndarray:
    """Say whether the choice's bound, all regrets, all pairs and all means of the compared losses are right, (4,).

    Where each has one sound seed, the ranking speaks of these networks, and says nothing of losses.
    """
    if ranking.of_networks:
        return np.ones(4, bool)
    compared = ranking.compared
    best = max(truth[row.loss] for row in compared)
    known = [row for row in compared if row.regret_high is not None]
    regrets = {row.loss: row.regret_low - TINY <= best - truth[row.loss] <= row.regret_high + TINY for row in known}
    bound = ranking.regret_bound is None or best - truth[ranking.choice] <= ranking.regret_bound + TINY
    pairs = [one.low - TINY <= truth[one.better] - truth[one.worse] <= one.high + TINY for one in ranking.pairs]
    means = [row.low - TINY <= truth[row.loss] <= row.high + TINY for row in compared if row.low is not None]
    return np.array([bound, all(regrets.values()), all(pairs), all(means)])
