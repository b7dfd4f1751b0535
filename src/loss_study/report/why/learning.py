"""How quickly a trial learned, on a scale that all losses share: the head's metric on the validation split."""

from __future__ import annotations

import math

import numpy as np

from loss_study import metrics
from loss_study.data.packed import PackedSample
from loss_study.statistics.results import Result

REACHED = 0.9


def ignorance(head: str, sample: PackedSample) -> float:
    """Return the validation metric of knowing nothing but the training split's statistics.

    IoU 0; of several classes the mean IoU where the commonest one is predicted everywhere; or the RMSE of the mean
    depth.
    """
    if head == "mask" and sample.classes == 1:
        return 0.0
    rows, valid = sample.rows("validation"), sample.valid(head)
    targets = sample.targets(head)[rows]
    known = np.ones(targets.shape, np.bool_) if valid is None else valid[rows]
    pairs = zip(targets, known, strict=True)
    if head == "mask":
        commonest = int(np.argmax(sample.statistics["class_shares"]))
        values = [_mean_iou_of_one_class(one[where], commonest) for one, where in pairs if where.any()]
    else:
        mean = sample.statistics["depth_mean"]
        values = [np.sqrt(np.square(one[where] / 255 - mean).mean()) for one, where in pairs if where.any()]
    return float(np.mean(values))


def _mean_iou_of_one_class(true: np.ndarray, predicted: int) -> float:
    """Return the mean IoU of a picture with the classes `true` in which `predicted` is predicted everywhere."""
    return float((true == predicted).mean() / len({predicted, *np.unique(true).tolist()}))


def epochs_to_most(result: Result, start: float) -> int | None:
    """Return the first epoch that is 90 % of the way from `start`, knowing nothing, to the trial's best epoch.

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
