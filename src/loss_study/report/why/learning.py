"""How quickly a trial learned, on a scale that all losses share: the head's metric on the validation split."""

from __future__ import annotations

import math

import numpy as np

from loss_study import metrics
from loss_study.data.packed import PackedSample
from loss_study.report.results import Result

REACHED = 0.9


def ignorance(head: str, sample: PackedSample) -> float:
    """Return the validation metric of knowing nothing: IoU 0, or the RMSE of the training split's mean depth."""
    if head == "mask":
        return 0.0
    error = sample.targets(head)[sample.rows("validation")] / 255 - sample.statistics["depth_mean"]
    return float(np.sqrt(np.square(error).mean(axis=(1, 2))).mean())


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
