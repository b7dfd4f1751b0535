"""How quickly a loss learned, by the head's metric on the validation split, and how much its seeds differ."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from loss_study import metrics
from loss_study.data.depth_scale import DEPTH_STEPS
from loss_study.data.packed import PackedSample
from loss_study.metrics import Metric
from loss_study.report.error_analysis.evidence import Evidence, contrasted, mean_of, over_seeds
from loss_study.report.error_analysis.loss_table import Column, Table, each, few, loss_table
from loss_study.statistics.results import Result

#: Share of the way from the baseline to the best epoch.
REACHED = 0.9


def table(evidence: Sequence[Evidence], metric: Metric, start: float) -> Table:
    """Return how quickly each loss learned and how much its seeds differ; `start` is the `baseline`."""
    columns = [
        Column(
            "Epochs to 90 %",
            f"First epoch that is 90 % of the way from the baseline (validation {metric.label} {metric.show(start)}) "
            f"to the trial's best epoch{over_seeds(evidence)}",
            few,
            each(evidence, lambda known: epochs(known, start)),
        ),
        Column("Best epoch", f"By validation {metric.label}{over_seeds(evidence)}", few, each(evidence, best_epoch)),
        Column(
            "Spread",
            f"Largest minus smallest test {metric.label} of its seeds",
            metric.show,
            each(evidence, lambda known: spread(known, metric.name)),
        ),
    ]
    return loss_table("Learning", evidence, columns)


def sentences(evidence: Sequence[Evidence], metric: Metric, start: float) -> list[str]:
    """Return which losses learned fastest and slowest, and whose seeds differ least and most."""
    found = []
    speeds = contrasted(evidence, lambda known: epochs(known, start), few)
    if speeds:
        (low, least), (high, most) = speeds
        found.append(f"90 % of the way is reached by epoch {few(least)} ({low}) to epoch {few(most)} ({high}).")
    spreads = contrasted(evidence, lambda known: spread(known, metric.name), metric.show)
    if spreads:
        (low, least), (high, most) = spreads
        found.append(
            f"{metric.label} of a loss's seeds lies within {metric.show(least)} ({low}) to "
            f"{metric.show_with_unit(most)} ({high})."
        )
    return found


def epochs(known: Evidence, start: float) -> float | None:
    """Return the epochs to 90 % of the way, mean over the sound trials that learned anything."""
    return mean_of([epochs_to_90_percent(result, start) for result in known.results])


def best_epoch(known: Evidence) -> float | None:
    """Return the best epoch, mean over the sound trials."""
    return mean_of([result.best_epoch for result in known.results])


def spread(known: Evidence, metric: str) -> float | None:
    """Return the largest minus the smallest test value of a loss's seeds, None with fewer than two."""
    values = [result.test[metric] for result in known.results]
    return max(values) - min(values) if len(values) > 1 else None


def baseline(head: str, sample: PackedSample) -> float:
    """Return the validation metric of a constant prediction, made from statistics of the training split.

    Of a mask IoU 0, or with several classes the mean IoU of the most frequent class everywhere; of the depth the
    RMSE of the mean depth.
    """
    if head == "mask" and sample.classes == 1:
        return 0.0
    rows, valid = sample.rows("validation"), sample.valid(head)
    targets = sample.targets(head)[rows]
    mask = np.ones(targets.shape, np.bool_) if valid is None else valid[rows]
    pairs = zip(targets, mask, strict=True)
    if head == "mask":
        most_frequent = int(np.argmax(sample.statistics["class_shares"]))
        values = [_mean_iou_of_one_class(one[where], most_frequent) for one, where in pairs if where.any()]
    else:
        mean = sample.statistics["depth_mean"]
        values = [np.sqrt(np.square(one[where] / DEPTH_STEPS - mean).mean()) for one, where in pairs if where.any()]
    return float(np.mean(values))


def epochs_to_90_percent(result: Result, start: float) -> int | None:
    """Return the first epoch that is 90 % of the way from `start`, the baseline, to the trial's best epoch.

    None where the trial never did better than `start`.
    """
    head = result.trial.head
    curve = [(int(float(row["epoch"])), float(row["validation"] or "nan")) for row in result.history]
    best = start
    for _, value in curve:
        if metrics.is_better(head, value, best):
            best = value
    if best == start:
        return None
    way = [(epoch, (value - start) / (best - start)) for epoch, value in curve if math.isfinite(value)]
    return next(epoch for epoch, share in way if share >= REACHED)


def _mean_iou_of_one_class(true: np.ndarray, predicted: int) -> float:
    """Return the mean IoU of an image with the classes `true` in which `predicted` is predicted everywhere."""
    return float((true == predicted).mean() / len({predicted, *np.unique(true).tolist()}))
