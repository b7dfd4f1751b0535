"""The metric that ranks the losses of a head, over a split whose predictions come batch by batch."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from loss_study.metrics import iou
from loss_study.metrics.arguments import DEPTH_STEPS, check_pair
from loss_study.metrics.counting import Counts
from loss_study.metrics.masks import of_classes
from loss_study.metrics.rmse import rmse
from loss_study.metrics.thresholds import iou_by_threshold


class Headline:
    """Adds up the headline metric of `head` over the images of a split that have valid pixels.

    RMSE of coded depth, mean IoU of several classes, or, of a mask of one class, IoU at the threshold that is best on
    this very split: on the validation split that is the threshold that evaluation takes.
    """

    def __init__(self, head: str) -> None:
        self._head = head
        self._images, self._sum = 0, torch.zeros((), dtype=torch.float64)

    def add(self, *, prediction: Tensor, target: Tensor, valid: Tensor | None = None) -> None:
        """Add a batch; the metric is NaN from a prediction that is NaN on.

        Args:
            prediction: sigmoid or softmax of the logits, (N, C, H, W) in [0, 1].
            target: (N, C, H, W) in [0, 1].
            valid: 1 where a pixel has ground truth, else 0, (N, 1, H, W); None: all have.
        """
        if prediction.isnan().any():
            self._sum = self._sum + math.nan
            return
        values = _values(self._head, prediction, target, valid)
        counted = values.isnan().flatten(1).all(dim=1).logical_not()
        self._images += int(counted.sum())
        self._sum = self._sum + values[counted].sum(dim=0).cpu()

    @property
    def value(self) -> float:
        """The mean over the images, at the best threshold; NaN without any image."""
        return float((self._sum / self._images).max())


def _values(head: str, prediction: Tensor, target: Tensor, valid: Tensor | None) -> Tensor:
    """Return the headline metric of each image, (N, thresholds); one column where there is no threshold."""
    if head == "depth":
        check_pair(prediction, target, valid, steps=DEPTH_STEPS)
        weight = None if valid is None else valid.double()
        return rmse(prediction.double(), target.double(), weight)[:, None]
    if prediction.shape[1] > 1:
        return iou.class_mean_iou(Counts.of(of_classes(prediction, target, valid)))[:, None]
    return iou_by_threshold(prediction=prediction, target=target, valid=valid)
