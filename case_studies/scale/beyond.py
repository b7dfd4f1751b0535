"""What the studies of a ladder say of more images than any of them has: a range for each loss, and what it costs.

The range supposes only that more images never make a loss worse, and that they help it less with every doubling. Then
its score is at least that of the largest study, and at most on the straight line, over the logarithm of the images,
through the largest and any smaller study. Of made-up losses of nine shapes it misses the truth in at most 1 of 100
cases. Power laws that fit the studies are off there by 0.23 IoU, in the median of one shape, which is
why none is drawn beyond them (``python scale/coverage.py``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import gpu
import numpy as np
from fits import sign
from ladder import Answer
from scipy.stats import norm

from loss_study import metrics
from loss_study.config import Config
from loss_study.metrics import Metric
from loss_study.runtime.progress import duration
from loss_study.statistics.sentences import listed

#: The original data: images, and the side at which its author wanted to train.
FULL_IMAGES, FULL_SIZE = 400_000, 224
#: How often a range may miss the truth for any loss.
LEVEL = 0.05


@dataclass(frozen=True)
class Range:
    """Where a loss's mean is beyond the largest study, between `low` and `high`, in the unit of the metric."""

    low: float
    high: float


@dataclass(frozen=True)
class Beyond:
    """What a ladder of images says of one head at `FULL_IMAGES`.

    Attributes:
        dataset, largest: of the ladder, and the answer of its largest study.
        metric: of the ranges.
        size: of the images of the studies, in px.
        epochs: of a training.
        ranges: of each loss that all studies compare; None where nothing is known.
        core_hours: of a training on one core, with images of `FULL_SIZE`.
        gpu_hours: the same on one GPU that never waits, see `gpu`.
    """

    dataset: str
    largest: Answer
    metric: Metric
    size: int
    epochs: int
    ranges: Mapping[str, Range | None]
    core_hours: float
    gpu_hours: float

    @property
    def possible(self) -> list[str]:
        """The losses that can be the best there; one without a range may be anything."""
        known = {loss: one for loss, one in self.ranges.items() if one is not None}
        among = candidates(self.metric, known)
        return [loss for loss in self.ranges if loss not in known or loss in among]

    def written(self, loss: str) -> str:
        """Return the range of a loss: ``0.708 to 0.961``, or why there is none."""
        if loss not in self.ranges:
            return "not compared"
        found = self.ranges[loss]
        if found is None:
            return "none: doublings gain more and more"
        return f"{self.metric.show(found.low)} to {self.metric.show(found.high)}"


def ranges(metric: Metric, answers: Sequence[Answer], losses: Sequence[str], at: float) -> dict[str, Range | None]:
    """Return the range of each of `losses` at `at` training images, 95 % for all together.

    None of a loss that gains more and more from one study to the next, against what is supposed.

    Args:
        metric: of the answers.
        answers: of one head, from few images to many, at least three.
        losses: each with a mean and an error in every answer.
        at: more images than the largest study has.
    """
    x = np.array([answer.images for answer in answers], dtype=float)
    return {
        loss: _range(
            metric,
            x,
            np.array([answer.means[loss] for answer in answers]),
            np.array([answer.errors[loss] for answer in answers]),
            at,
            LEVEL / len(losses),
        )
        for loss in losses
    }


def _range(
    metric: Metric, x: np.ndarray, means: np.ndarray, errors: np.ndarray, at: float, level: float
) -> Range | None:
    doublings, scores = np.log2(x), sign(metric) * means
    if _grows(doublings, scores, errors):
        return None
    least = scores[-1] - norm.isf(level / 2) * errors[-1]
    # How many times the way from each smaller study to the largest is the way from there to `at`.
    times = (np.log2(at) - doublings[-1]) / (doublings[-1] - doublings[:-1])
    gains = np.maximum(scores[-1] - scores[:-1], 0.0)
    spreads = np.hypot((1 + times) * errors[-1], times * errors[:-1])
    most = np.min(scores[-1] + times * gains + norm.isf(level / 2 / len(times)) * spreads)
    low, high = sorted(metric.within(sign(metric) * score) for score in (float(least), float(most)))
    return Range(low, high)


def _grows(doublings: np.ndarray, scores: np.ndarray, errors: np.ndarray) -> bool:
    """Say whether a doubling surely gains more than one before it, looking at three studies in a row at a time."""
    steps = np.diff(doublings)
    more = np.diff(np.diff(scores) / steps)
    spreads = np.sqrt(
        (errors[:-2] / steps[:-1]) ** 2
        + (errors[1:-1] * (1 / steps[:-1] + 1 / steps[1:])) ** 2
        + (errors[2:] / steps[1:]) ** 2
    )
    return bool(np.any(more > norm.isf(LEVEL / len(more)) * spreads))


def candidates(metric: Metric, found: Mapping[str, Range]) -> list[str]:
    """Return the losses that can be the best one: no other is surely better."""
    if metric.higher_is_better is False:
        least = min((one.high for one in found.values()), default=0.0)
        return [loss for loss, one in found.items() if one.low <= least]
    most = max((one.low for one in found.values()), default=0.0)
    return [loss for loss, one in found.items() if one.high >= most]


def of_ladder(dataset: str, config: Config, answers: Sequence[Answer], losses: Sequence[str]) -> Beyond:
    """Return what the `answers` of one head say of `FULL_IMAGES`; `config` is that of the largest study.

    The time of an epoch is taken for proportional to the number of images and of their pixels.
    """
    metric, largest, epochs = metrics.find(answers[0].metric), answers[-1], config.recipe.epochs
    passes = epochs * largest.trials + config.recipe.search.epochs * (largest.trainings - largest.trials)
    core = largest.seconds * epochs / passes * FULL_IMAGES / largest.images * (FULL_SIZE / config.sample.size) ** 2
    found = ranges(metric, answers, losses, FULL_IMAGES)
    best = gpu.hours(config, FULL_IMAGES, FULL_SIZE)
    return Beyond(dataset, largest, metric, config.sample.size, epochs, found, core / 3600, best)


def rows(found: Sequence[Beyond]) -> list[tuple[str, list[str]]]:
    """Return a table with a column for each ladder: ranges, which losses can be the best, what a training costs."""
    losses = dict.fromkeys(loss for one in found for loss in one.ranges)
    possible = [listed(one.possible) if len(one.possible) < len(one.ranges) else "any" for one in found]
    return [
        *((f"`{loss}`", [one.written(loss) for one in found]) for loss in losses),
        ("can be the best", possible),
        (f"a training at {FULL_SIZE} px, one core", [f"{one.core_hours:,.0f} hours" for one in found]),
        (f"the same, one {gpu.NAME}, never waiting", [duration(3600 * one.gpu_hours) for one in found]),
    ]


def in_short(found: Sequence[Beyond]) -> str:
    """Return on how many ladders any loss can be the best, and what a training costs; "" without a ladder."""
    if not found:
        return ""
    undecided = sum(len(one.possible) == len(one.ranges) for one in found)
    hours = [one.core_hours for one in found]
    core = " to ".join(dict.fromkeys(f"{end:,.0f}" for end in (min(hours), max(hours))))
    return (
        f"On {undecided} of {len(found)} ladders of images any compared loss can be the best there, computed from what "
        f"images gain. A training of them at {FULL_SIZE} px would take {core} hours of one core, and "
        f"{duration(3600 * max(one.gpu_hours for one in found))} of one {gpu.NAME} that never waits: computed, not "
        "measured."
    )
