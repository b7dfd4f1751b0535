"""What a trial is judged by, the same for every loss: which metrics each head has, and which one ranks it.

Each metric has a file of its own, such as ``iou.py``, with its `Metric` and the function that computes it.
`loss_study.evaluation.per_image` computes all metrics of a head for every image of a split. Comparing and reporting
need the `Metric` only, and to import torch takes seconds: these files import it in the functions that need it.

Predictions and targets are arguments by name here: a prediction is the sigmoid or softmax of the logits, a target an
image of 8 bits (mask) or 16 bits (depth) divided by its largest value, or one-hot classes, and one given in place of
the other is refused. `valid` is 1 where a pixel has ground truth, else 0, (N, 1, H, W); None: all have. Invalid pixels
are never counted.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from loss_study.heads import JOINT
from loss_study.metrics import (
    abs_rel,
    boundary_f,
    delta,
    dice,
    iou,
    joint_score,
    log10,
    mae,
    mean_iou,
    pixel_accuracy,
    precision_recall,
    rmse,
    soft_iou,
    ssim,
)
from loss_study.metrics.base import AT_BEST, FOREGROUND, Metric, undefined

__all__ = [
    "AT_BEST", "CLASSES", "DEPTH", "FOREGROUND", "HEADLINE", "MASK",
    "Metric", "find", "headline_of", "is_better", "rises",
]  # fmt: skip


def _by_name(metrics: Iterable[Metric]) -> dict[str, Metric]:
    return {metric.name: metric for metric in metrics}


_OF_MASK = (
    iou.IOU,
    dice.DICE,
    mean_iou.MEAN_IOU,
    pixel_accuracy.PIXEL_ACCURACY,
    precision_recall.PRECISION,
    precision_recall.RECALL,
    boundary_f.BOUNDARY_F,
    iou.IOU_DATASET,
    dice.DICE_DATASET,
)
#: The last ones are in metres: samples whose depth is relative lack them.
_OF_DEPTH = (
    rmse.RMSE.coded(),
    mae.MAE.coded(),
    rmse.RMSE.coded().aligned(),
    ssim.SSIM,
    rmse.RMSE,
    mae.MAE,
    abs_rel.ABS_REL,
    log10.LOG10,
    delta.DELTA1,
    delta.DELTA2,
    delta.DELTA3,
    rmse.RMSE.aligned(),
    abs_rel.ABS_REL.aligned(),
)
#: The metrics of a mask of one class, by name; all but the soft IoU also at the best threshold.
MASK = _by_name([*_OF_MASK, *(metric.at_best_threshold() for metric in _OF_MASK), soft_iou.SOFT_IOU])
#: Those of a mask of several classes; beside them is `iou.of_class` of every class.
CLASSES = _by_name(
    [
        iou.CLASS_MEAN_IOU,
        dice.CLASS_MEAN_DICE,
        pixel_accuracy.CLASS_PIXEL_ACCURACY,
        boundary_f.CLASS_BOUNDARY_F,
        soft_iou.SOFT_IOU,
        iou.CLASS_MEAN_IOU_DATASET,
        dice.CLASS_MEAN_DICE_DATASET,
    ]
)
#: Those of the depth, over all pixels and over the foreground only.
DEPTH = _by_name([*_OF_DEPTH, *(metric.on_foreground() for metric in _OF_DEPTH)])

#: The metric that ranks the losses of a head, a mask being one of one class; see `headline_of` for several.
HEADLINE = {"mask": iou.IOU.name + AT_BEST, "depth": rmse.RMSE.coded().name}


def find(name: str, classes: int = 1) -> Metric:
    """Return the metric `name` of the depth or of a mask of `classes` classes.

    One that the project does not define is shown as it is named, and has no direction.
    """
    if classes > 1 and name in CLASSES:
        return CLASSES[name]
    if classes > 1 and name.startswith(iou.OF_CLASS):
        return iou.of_class(name.removeprefix(iou.OF_CLASS))
    return (MASK | DEPTH).get(name) or undefined(name)


def headline_of(head: str, classes: int = 1) -> Metric:
    """Return the metric that ranks the losses of `head`; of a mask of several `classes` it is the mean IoU.

    That of `JOINT`, a network with all heads, is the joint score.
    """
    if head == JOINT:
        return joint_score.JOINT_SCORE
    return CLASSES[iou.CLASS_MEAN_IOU.name] if head == "mask" and classes > 1 else find(HEADLINE[head])


def is_better(head: str, a: float, b: float) -> bool:
    """Say whether the headline value `a` is strictly better than `b`; NaN is worse than every number."""
    if math.isnan(a) or math.isnan(b):
        return not math.isnan(a)
    return a > b if rises(head) else a < b


def rises(head: str) -> bool:
    """Say whether a higher headline value is a better one."""
    return bool(headline_of(head).higher_is_better)
