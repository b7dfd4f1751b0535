"""The best constant prediction: what a network scores that has learned nothing from the image."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from loss_study.metrics.arguments import nan_without_valid, valid_pixels
from loss_study.metrics.counting import Counts, mean_over_images
from loss_study.metrics.iou import class_mean_iou, iou
from loss_study.metrics.masks import Masks, foreground
from loss_study.metrics.rmse import rmse


def best_constant(head: str, target: Tensor, valid: Tensor | None = None, depth: float | None = None) -> float | None:
    """Return the headline metric of the best constant prediction, mean over the images.

    For a mask that is foreground everywhere or nowhere, of several classes one of them everywhere; for the depth
    it is `depth` everywhere, and None without it.

    Args:
        head: "mask" or "depth".
        target: (N, C, H, W) in [0, 1].
        valid: 1 where a pixel has ground truth, else 0, (N, 1, H, W); None: all have.
        depth: the mean depth of the training split, coded.
    """
    if head == "depth":
        return None if depth is None else _error(target, valid, depth)
    masks = Masks(foreground(target), foreground(target), valid_pixels(target, valid))
    return max(_overlap(masks, constant) for constant in _constants(target.shape[1]))


def _constants(classes: int) -> Tensor:
    """Return what may be predicted everywhere, bool (M, C)."""
    return torch.tensor([[True], [False]]) if classes == 1 else F.one_hot(torch.arange(classes)).bool()


def _overlap(masks: Masks, constant_C: Tensor) -> float:
    predicted = constant_C.to(masks.target.device).view(1, -1, 1, 1).expand_as(masks.target)
    counts = Counts.of(masks._replace(predicted=predicted))
    values = iou(counts) if len(constant_C) == 1 else class_mean_iou(counts)
    return mean_over_images(nan_without_valid(values, masks.valid))


def _error(target: Tensor, valid: Tensor | None, depth: float) -> float:
    weight = None if valid is None else valid.double()
    return mean_over_images(rmse(target.new_tensor(depth).double(), target.double(), weight))
