"""The losses of one head on one metric: means, intervals, pairs, and the order that follows from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from loss_study.metrics import Metric, find, headline_of
from loss_study.statistics.pairwise import Pair, average_rank, compare_pairs
from loss_study.statistics.resampling import interval, resample
from loss_study.statistics.results import Result
from loss_study.statistics.scores import IMAGE, Scores, read

RESAMPLES = 10_000
#: Seed of the resampling, the same in every report.
SEED = 0


@dataclass(frozen=True)
class Standing:
    """One loss in a ranking: its trials, one per seed, and what is known of its mean.

    Attributes:
        loss: which loss.
        metric: of the ranking.
        results: all trials of the loss on this head, in the order of the seeds.
        mean: over the sound trials and the test images; None without a sound trial.
        low, high: 95 % interval of the mean; None where nothing was resampled.
        average_rank: expected place, 1 being best, on a random cluster with random seeds; None for a loss that is not
            in the pairs.
    """

    loss: str
    metric: Metric
    results: tuple[Result, ...]
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    average_rank: float | None = None

    @property
    def sound(self) -> list[Result]:
        """The trials that enter the means."""
        return [result for result in self.results if result.sound]

    @property
    def failed(self) -> list[Result]:
        """The trials that diverged, collapsed or are missing; they enter no mean."""
        return [result for result in self.results if not result.sound]

    @property
    def values(self) -> list[float]:
        """The metric of each sound trial that has it, in the order of the seeds."""
        return [result.test[self.metric.name] for result in self.sound if self.metric.name in result.test]

    @property
    def means(self) -> dict[str, float]:
        """Every test metric, averaged over the sound trials; empty where none is sound."""
        return _means([result.test for result in self.sound])

    @property
    def seconds(self) -> float | None:
        """Mean training time over the sound trials, in seconds."""
        return fmean(result.run["seconds"] for result in self.sound) if self.sound else None


@dataclass(frozen=True)
class Ranking:
    """The losses of one head on one metric, best first.

    Compared are the losses without a failed trial; only where there is none, all that have a sound trial. A loss with
    a failed trial stands behind them, whatever the mean of its other trials, and is not tested: a loss that sometimes
    fails is no safe choice, and failures are not a matter of the test images. Losses without a sound trial are last
    and have no place.

    Attributes:
        head: "mask" or "depth".
        metric: what the losses are ranked by.
        standings: every loss, best first.
        pairs: every two of the compared losses; empty where nothing was resampled.
        images, clusters: number of test images, and of the clusters of them that were resampled; 0 where the test split
            has fewer than two images with a value.
        unit: what a cluster is: "object", "background" or "image".
        classes: of the mask; 1 for the depth.
    """

    head: str
    metric: Metric
    standings: tuple[Standing, ...]
    pairs: tuple[Pair, ...] = ()
    images: int = 0
    clusters: int = 0
    unit: str = IMAGE
    classes: int = 1

    @property
    def is_headline(self) -> bool:
        """True if the metric is the one that the head is ranked by."""
        return self.metric.name == headline_of(self.head, self.classes).name

    @property
    def resampled(self) -> bool:
        """True if there are intervals."""
        return self.images > 0

    @property
    def placed(self) -> list[Standing]:
        """The losses that have a sound trial, best first."""
        return [standing for standing in self.standings if standing.sound]

    @property
    def best(self) -> Standing | None:
        """The first of them; None where no trial is sound."""
        return self.placed[0] if self.placed else None

    @property
    def compared(self) -> list[Standing]:
        """The losses that are compared with one another, best first."""
        return [standing for standing in self.placed if not standing.failed] or self.placed

    @property
    def not_compared(self) -> list[Standing]:
        """The losses that have a sound trial, but failed with another seed while others did not."""
        return self.placed[len(self.compared) :]

    @property
    def failed(self) -> list[Standing]:
        """The losses without a sound trial."""
        return [standing for standing in self.standings if not standing.sound]

    @property
    def significant(self) -> list[Pair]:
        """The pairs whose difference is significant."""
        return [pair for pair in self.pairs if pair.significant]

    @property
    def best_group(self) -> list[str]:
        """The compared losses that no other beats significantly, best mean first.

        No difference between two of them is significant.
        """
        beaten = {pair.worse for pair in self.significant}
        return [standing.loss for standing in self.compared if standing.loss not in beaten]

    @property
    def seeds(self) -> int:
        """The largest number of sound trials of a loss; with 1, only images are resampled."""
        return max((len(standing.sound) for standing in self.standings), default=0)

    def pair(self, loss: str) -> Pair | None:
        """Return the pair of the best loss and `loss`; None for the best itself and for losses without pairs."""
        best = self.best
        return next((pair for pair in self.pairs if best and (pair.better, pair.worse) == (best.loss, loss)), None)


def rank_all(results: Sequence[Result]) -> list[Ranking]:
    """Rank the losses of every head on every metric of `scores.COMPARED` that its trials have, the headline first.

    Every head has a ranking on its headline metric, without intervals where fewer than two test images have a value.

    Raises:
        StudyError: what a sound trial scored per image is missing, damaged, or of other images than another trial's.
    """
    heads = dict.fromkeys(result.trial.head for result in results)
    return [ranking for head in heads for ranking in _of_head(head, results)]


def headlines(rankings: Sequence[Ranking]) -> list[Ranking]:
    """Return the ranking of each head on its headline metric."""
    return [ranking for ranking in rankings if ranking.is_headline]


def rank(scores: Scores, results: Sequence[Result], resamples: int = RESAMPLES) -> Ranking:
    """Rank the losses of a head by `scores`, with intervals and pairs.

    Args:
        scores: of the sound trials of the head.
        results: of all trials of the head.
        resamples: how often seeds and test images are resampled.
    """
    metric = find(scores.metric, scores.classes)
    trials = _by_loss(results)
    means = {loss: float(values_SN.mean()) for loss, values_SN in scores.values.items()}
    losses = _best_first(means, trials, metric)
    drawn = resample([scores.values[loss] for loss in losses], scores.clusters, resamples, np.random.default_rng(SEED))
    draws = dict(zip(losses, drawn.T, strict=True))
    compared = [loss for loss in losses if all(result.sound for result in trials[loss])] or losses
    pairs = compare_pairs(scores, compared, draws, higher_is_better=_rises(metric))
    ranks = {loss: average_rank(loss, pairs) for loss in compared}
    standings = [
        Standing(loss, metric, trials[loss], means[loss], *_within_bounds(draws[loss], metric), ranks.get(loss))
        for loss in losses
    ]
    return Ranking(
        scores.head,
        metric,
        (*standings, *_unplaced(means, trials, metric)),
        tuple(pairs),
        len(scores.clusters),
        int(scores.clusters.max()) + 1,
        scores.unit,
        scores.classes,
    )


def _of_head(head: str, results: Sequence[Result]) -> list[Ranking]:
    of_head = [result for result in results if result.trial.head == head]
    rankings = [rank(scores, of_head) for scores in read(head, of_head)]
    return rankings if headlines(rankings) else [_without_intervals(head, of_head), *rankings]


def _without_intervals(head: str, results: Sequence[Result]) -> Ranking:
    """Order the losses by the means of their trials on the headline metric, where there is nothing to resample."""
    classes = max(result.classes for result in results)
    metric = headline_of(head, classes)
    trials = _by_loss(results)
    values = {loss: [one.test[metric.name] for one in of_loss if one.sound] for loss, of_loss in trials.items()}
    means = {loss: fmean(of_loss) for loss, of_loss in values.items() if of_loss}
    standings = [Standing(loss, metric, trials[loss], means[loss]) for loss in _best_first(means, trials, metric)]
    return Ranking(head, metric, (*standings, *_unplaced(means, trials, metric)), classes=classes)


def _by_loss(results: Sequence[Result]) -> dict[str, tuple[Result, ...]]:
    losses = dict.fromkeys(result.trial.loss for result in results)
    return {loss: tuple(result for result in results if result.trial.loss == loss) for loss in losses}


def _best_first(means: Mapping[str, float], trials: Mapping[str, Sequence[Result]], metric: Metric) -> list[str]:
    """Return the losses that have a mean: those without a failed trial first, each part by its means."""
    sign = -1 if _rises(metric) else 1
    return sorted(means, key=lambda loss: (any(not one.sound for one in trials[loss]), sign * means[loss]))


def _unplaced(means: Mapping[str, float], trials: Mapping[str, tuple[Result, ...]], metric: Metric) -> list[Standing]:
    return [Standing(loss, metric, of_loss) for loss, of_loss in trials.items() if loss not in means]


def _rises(metric: Metric) -> bool:
    return metric.higher_is_better is not False


def _within_bounds(draws: np.ndarray, metric: Metric) -> tuple[float, float]:
    """Return the 95 % interval of `draws`, cut at the values that the metric can have."""
    lowest, highest = {"ssim": (-1.0, 1.0), "abs_rel": (0.0, np.inf)}.get(metric.name, (0.0, 1.0))
    low, high = interval(draws)
    return max(low, lowest), min(high, highest)


def _means(metrics: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean of each metric over the mappings that have it."""
    names = dict.fromkeys(name for values in metrics for name in values)
    return {name: fmean(values[name] for values in metrics if name in values) for name in names}
