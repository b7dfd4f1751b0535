"""Overlap of the objects and of their centre lines: thin parts, such as vessels, stay connected."""

from __future__ import annotations

from typing import Annotated

from torch import Tensor
from torch.nn import functional as F

from loss_study.losses.shared.base import Loss
from loss_study.losses.shared.options import Range
from loss_study.losses.shared.pixels import probability

NOTE = "For thin, branching objects; of a compact one the centre line is a few pixels, and the loss is mostly dice."


def cl_dice(
    logits: Tensor,
    target: Tensor,
    *,
    alpha: Annotated[float, Range(ge=0, le=1)] = 0.5,
    iterations: Annotated[int, Range(ge=1)] = 3,
    smooth: Annotated[float, Range(gt=0)] = 1.0,
) -> Tensor:
    """Return (1 - alpha) dice + alpha (1 - 2 P S / (P + S)), the mean over classes; (N, C, H, W) to (N,), in [0, 1].

    P = (sum skel(p) t + s) / (sum skel(p) + s) is the precision of the prediction's centre line, S the same with p and
    t exchanged, its sensitivity; skel is the soft skeleton, what is left of an image after openings of growing size. p
    is sigmoid(logits), for several classes softmax(logits). Source: Shit, Paetzold and others, clDice - a Novel
    Topology-Preserving Loss Function for Tubular Structure Segmentation (2021), algorithms 1 and 2, and eq. 3.
    For a mask of zeros and ones the ground truth has the value 0, the least there is.

    Args:
        alpha: the weight of the centre lines; with 1 a prediction without any, such as all foreground, is as good as
            the ground truth.
        iterations: openings, at least half the width in pixels of the widest part.
        smooth: s, in pixels.
    """
    prediction = probability(logits)
    of_prediction, of_target = skeleton(prediction, iterations), skeleton(target, iterations)
    precision, sensitivity = _share(of_prediction, target, smooth), _share(of_target, prediction, smooth)
    lines = 1 - 2 * precision * sensitivity / (precision + sensitivity)
    intersection, sizes = (prediction * target).sum(dim=(2, 3)), (prediction + target).sum(dim=(2, 3))
    objects = 1 - (2 * intersection + smooth) / (sizes + smooth)
    return ((1 - alpha) * objects + alpha * lines).mean(dim=1)


def skeleton(image_NCHW: Tensor, iterations: int) -> Tensor:
    """Return the soft skeleton of images in [0, 1], of the same shape and range."""
    line = F.relu(image_NCHW - _opened(image_NCHW))
    for _ in range(iterations):
        image_NCHW = _eroded(image_NCHW)
        ridge = F.relu(image_NCHW - _opened(image_NCHW))
        line = line + F.relu(ridge - line * ridge)
    return line


def _opened(image: Tensor) -> Tensor:
    return F.max_pool2d(_eroded(image), 3, stride=1, padding=1)


def _eroded(image: Tensor) -> Tensor:
    """Return the least of each pixel and its neighbours above, below, left and right."""
    rows = -F.max_pool2d(-image, (3, 1), stride=1, padding=(1, 0))
    columns = -F.max_pool2d(-image, (1, 3), stride=1, padding=(0, 1))
    return rows.minimum(columns)


def _share(line: Tensor, where: Tensor, smooth: float) -> Tensor:
    return ((line * where).sum(dim=(2, 3)) + smooth) / (line.sum(dim=(2, 3)) + smooth)


LOSS = Loss(
    cl_dice,
    heads=("mask",),
    multiclass=True,
    minimised_by_target=("mask", "classes"),
    notes={"mask": NOTE, "classes": NOTE},
)
