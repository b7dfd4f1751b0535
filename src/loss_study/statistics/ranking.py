"""The order of the losses of one head, by the head's headline metric on the test split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from loss_study.metrics import HEADLINE, Metric, find
from loss_study.statistics.results import Result


@dataclass(frozen=True)
class Standing:
    """One loss on one head: its trials, one per seed, and the means over those that are sound."""

    loss: str
    results: tuple[Result, ...]
    metric: Metric

    @property
    def sound(self) -> list[Result]:
        """The trials that enter the means."""
        return [result for result in self.results if result.sound]

    @property
    def failed(self) -> list[Result]:
        """The trials that diverged, collapsed or are missing; they enter no mean."""
        return [result for result in self.results if not result.sound]

    @property
    def means(self) -> dict[str, float]:
        """Every test metric, averaged over the sound trials; empty where none is sound."""
        return mean_metrics([result.test for result in self.sound])

    @property
    def value(self) -> float | None:
        """Mean of the headline metric over the sound trials; None where none is sound."""
        return self.means.get(self.metric.name)

    @property
    def values(self) -> list[float]:
        """The headline metric of each sound trial, in the order of the seeds."""
        return [result.test[self.metric.name] for result in self.sound]

    @property
    def seconds(self) -> float | None:
        """Mean seconds of training over the sound trials."""
        return fmean(result.run["seconds"] for result in self.sound) if self.sound else None


@dataclass(frozen=True)
class Ranking:
    """The losses of one head, best first.

    A loss with a failed trial stands behind every loss without one, whatever its mean over the others: a loss that
    sometimes collapses is no safe choice. A loss without a sound trial stands last and has no place. `classes` are
    those of the mask, 1 for the depth.
    """

    head: str
    metric: Metric
    standings: tuple[Standing, ...]
    classes: int = 1

    @property
    def placed(self) -> list[Standing]:
        """The losses that have at least one sound trial, best first."""
        return [standing for standing in self.standings if standing.sound]

    @property
    def best(self) -> Standing | None:
        """The first of them, None where no trial of this head is sound."""
        return self.placed[0] if self.placed else None


def rank(head: str, results: Sequence[Result]) -> Ranking:
    """Order the losses of `head` by the mean of its headline metric over the sound trials."""
    of_head = [result for result in results if result.trial.head == head]
    classes = max((result.classes for result in of_head), default=1)
    headline = find(HEADLINE[head], classes)
    losses = dict.fromkeys(result.trial.loss for result in of_head)
    standings = [
        Standing(loss, tuple(result for result in of_head if result.trial.loss == loss), headline) for loss in losses
    ]
    return Ranking(head, headline, tuple(sorted(standings, key=_order)), classes)


def _order(standing: Standing) -> tuple[int, float]:
    if standing.value is None:
        return 2, 0.0
    return bool(standing.failed), -standing.value if standing.metric.higher_is_better else standing.value


def mean_metrics(metrics: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return the mean of each metric over the dictionaries that have it."""
    names = dict.fromkeys(name for values in metrics for name in values)
    return {name: fmean(values[name] for values in metrics if name in values) for name in names}
