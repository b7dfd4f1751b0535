"""What the studies of a ladder say of more images than any of them has: a range for each loss, and what it would cost.

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


def sentences(metric: Metric, found: Mapping[str, Range | None], what: str) -> list[str]:
    """Return the ranges at `what`, and which losses can be the best there."""
    known = {loss: one for loss, one in found.items() if one is not None}
    unknown = [loss for loss in found if loss not in known]
    told = []
    if known:
        values = [f"{loss} {metric.show(one.low)} to {metric.show(one.high)}" for loss, one in known.items()]
        told.append(
            f"Computed, not measured: at {what}, if more images never make a loss worse and help it less with every "
            f"doubling, {', '.join(values)} (95 % for all together)."
        )
    if unknown:
        told.append(
            f"Nothing is computed for {listed(unknown)}: from study to study, the gain of a doubling surely grows."
        )
    possible = [*candidates(metric, known), *unknown]
    if len(possible) == 1:
        told.append(f"Only {possible[0]} can be the best there.")
    else:
        which = "Any of these losses" if len(possible) == len(found) else f"Each of {listed(possible)}"
        told.append(f"{which} can be the best there; these studies do not say which.")
    return told


def candidates(metric: Metric, found: Mapping[str, Range]) -> list[str]:
    """Return the losses that can be the best one: no other is surely better."""
    if metric.higher_is_better is False:
        least = min((one.high for one in found.values()), default=0.0)
        return [loss for loss, one in found.items() if one.low <= least]
    most = max((one.low for one in found.values()), default=0.0)
    return [loss for loss, one in found.items() if one.high >= most]


def cost(config: Config, largest: Answer) -> list[str]:
    """Return what a training as in the `largest` study, with its `config`, would take at full size.

    The time of an epoch is taken for proportional to the number of images and of their pixels.
    """
    epochs, searched = config.recipe.epochs, config.recipe.search.epochs
    passes = epochs * largest.trials + searched * (largest.trainings - largest.trials)
    each = largest.seconds * epochs / passes
    core = each * FULL_IMAGES / largest.images * (FULL_SIZE / config.sample.size) ** 2
    best = gpu.hours(config, FULL_IMAGES, FULL_SIZE)
    return [
        f"A training of {FULL_IMAGES:,} images at {FULL_SIZE} px, {epochs} epochs, would take {core / 3600:,.0f} hours "
        f"of one core, computed from the mean epoch of `{largest.rung}`, its images and its pixels.",
        f"One {gpu.NAME} would take {duration(3600 * best)} if nothing but its arithmetic, {gpu.ARITHMETIC / 1e12:.0f} "
        f"TFLOP/s, and its memory, {gpu.BANDWIDTH / 1e12} TB/s, took time, and every operation read and wrote memory: "
        "computed, not measured.",
    ]
