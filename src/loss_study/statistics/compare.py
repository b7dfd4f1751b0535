"""The losses of one head compared on one metric: means, intervals, differences, and which losses are best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from loss_study.metrics import Metric, find
from loss_study.statistics.pairwise import holm, p_value, probability_of_improvement
from loss_study.statistics.resampling import resample
from loss_study.statistics.results import Result
from loss_study.statistics.scores import Scores, read

#: A difference is more than chance below this adjusted p value; intervals hold the rest.
CHANCE = 0.05
RESAMPLES = 10_000
#: Draws the resamples, the same in every report.
SEED = 0


@dataclass(frozen=True)
class Pair:
    """Two losses; `difference` is the mean of `better` minus that of `worse`, with its 95 % interval.

    `p_adjusted` counts all pairs of the comparison; `probability` is that of `better` doing better on a random cluster
    of test images with a random seed each.
    """

    better: str
    worse: str
    difference: float
    low: float
    high: float
    p_adjusted: float
    probability: float

    @property
    def significant(self) -> bool:
        """True if "`better` beats `worse`" may be said."""
        return self.p_adjusted < CHANCE


@dataclass(frozen=True)
class Estimate:
    """One loss: the mean over its sound seeds with its 95 % interval, and the number of its failed trials.

    `average_rank` is its expected place, 1 being best, on a random cluster with random seeds; None for a loss that is
    not compared.
    """

    loss: str
    mean: float
    low: float
    high: float
    seeds: int
    failed: int
    average_rank: float | None


@dataclass(frozen=True)
class Comparison:
    """All losses of a head on one metric, best first.

    Compared are the losses whose every trial is sound; only where there is none, all that have a sound trial. The
    others stand behind them, apart: their means are those of the trials that trained, and no difference to them is
    tested, for what a loss does when it fails is no matter of chance on test images.

    Attributes:
        estimates: the compared losses by their mean, then the others that have a sound trial.
        pairs: every two of the compared losses.
        without: losses without a sound trial.
        images, clusters, unit: what was resampled; `unit` is "cut-out", "background" or "image".
    """

    head: str
    metric: Metric
    estimates: tuple[Estimate, ...]
    pairs: tuple[Pair, ...]
    without: tuple[str, ...]
    images: int
    clusters: int
    unit: str

    @property
    def compared(self) -> list[Estimate]:
        """The losses that take part in the pairs, best first."""
        return [estimate for estimate in self.estimates if estimate.average_rank is not None]

    @property
    def apart(self) -> list[Estimate]:
        """The losses that have a sound trial but are not compared."""
        return [estimate for estimate in self.estimates if estimate.average_rank is None]

    @property
    def best(self) -> Estimate:
        """The compared loss with the best mean."""
        return self.estimates[0]

    @property
    def best_group(self) -> list[str]:
        """The losses that none beats, best mean first: no two of them can be told apart, nor any from the best."""
        beaten = {pair.worse for pair in self.claims}
        return [estimate.loss for estimate in self.compared if estimate.loss not in beaten]

    @property
    def claims(self) -> list[Pair]:
        """The pairs whose difference is more than chance."""
        return [pair for pair in self.pairs if pair.significant]

    @property
    def seeds(self) -> int:
        """The most seeds that a loss has; with 1, only images were resampled."""
        return max(estimate.seeds for estimate in self.estimates)

    def pair(self, loss: str) -> Pair | None:
        """Return the pair of the best loss and `loss`; None for the best itself and for losses that stand apart."""
        return next((pair for pair in self.pairs if (pair.better, pair.worse) == (self.best.loss, loss)), None)


def compare_all(results: Sequence[Result]) -> list[Comparison]:
    """Compare the losses of every head on every metric of `scores.COMPARED` that its trials have."""
    heads = dict.fromkeys(result.trial.head for result in results)
    return [compare(scores, failures(head, results)) for head in heads for scores in read(head, results)]


def failures(head: str, results: Sequence[Result]) -> dict[str, int]:
    """Return the number of failed trials of each loss of `head`."""
    of_head = [result for result in results if result.trial.head == head]
    losses = dict.fromkeys(result.trial.loss for result in of_head)
    return {loss: sum(result.trial.loss == loss and not result.sound for result in of_head) for loss in losses}


def compare(scores: Scores, failed: dict[str, int], resamples: int = RESAMPLES) -> Comparison:
    """Compare the losses of `scores`.

    Every two compared losses are tested, and p values adjusted for all these pairs, not only for those with the best:
    which loss is best is known from the same data, and six tests against it claim too much. The family is one metric
    of one head.

    Args:
        scores: of the sound trials.
        failed: number of failed trials of each loss of the study.
    """
    metric = find(scores.metric, scores.classes)
    sign = 1 if metric.higher_is_better else -1
    losses = sorted(scores.values, key=lambda loss: (bool(failed[loss]), -sign * scores.values[loss].mean()))
    compared = [loss for loss in losses if not failed[loss]] or losses
    drawn = resample([scores.values[loss] for loss in losses], scores.clusters, resamples, np.random.default_rng(SEED))
    draws = dict(zip(losses, drawn.T, strict=True))
    pairs = _pairs(scores, compared, draws, higher_is_better=sign > 0)
    ranks = {loss: _average_rank(loss, pairs) for loss in compared}
    return Comparison(
        scores.head,
        metric,
        tuple(_estimate(loss, scores, draws[loss], failed[loss], ranks.get(loss)) for loss in losses),
        tuple(pairs),
        tuple(loss for loss in failed if loss not in scores.values),
        len(scores.clusters),
        int(scores.clusters.max()) + 1,
        scores.unit,
    )


def _pairs(
    scores: Scores, losses: Sequence[str], draws: dict[str, np.ndarray], *, higher_is_better: bool
) -> list[Pair]:
    couples = list(combinations(losses, 2))
    adjusted = holm([p_value(draws[better] - draws[worse]) for better, worse in couples])
    pairs = []
    for (better, worse), p_adjusted in zip(couples, adjusted, strict=True):
        a, b = scores.values[better], scores.values[worse]
        probability = probability_of_improvement(a, b, scores.clusters, higher_is_better=higher_is_better)
        low, high = _interval(draws[better] - draws[worse])
        pairs.append(Pair(better, worse, float(a.mean() - b.mean()), low, high, p_adjusted, probability))
    return pairs


def _average_rank(loss: str, pairs: Sequence[Pair]) -> float:
    """Return 1 + the expected number of losses that do better."""
    above = [pair.probability for pair in pairs if pair.worse == loss]
    below = [1 - pair.probability for pair in pairs if pair.better == loss]
    return 1 + sum(above) + sum(below)


def _estimate(loss: str, scores: Scores, draws: np.ndarray, failed: int, average_rank: float | None) -> Estimate:
    values = scores.values[loss]
    low, high = _interval(draws)
    lowest, highest = _bounds(scores.metric)
    return Estimate(loss, float(values.mean()), max(low, lowest), min(high, highest), len(values), failed, average_rank)


def _bounds(metric: str) -> tuple[float, float]:
    """What values the metric can have: no interval goes beyond."""
    return {"ssim": (-1.0, 1.0), "abs_rel": (0.0, np.inf)}.get(metric, (0.0, 1.0))


def _interval(draws: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(draws, [CHANCE / 2, 1 - CHANCE / 2])
    return float(low), float(high)
