"""Parts of an image that a loss may treat differently: the foreground, its outline, jumps of the depth."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from loss_study.metrics.arguments import valid_pixels
from loss_study.metrics.boundary_f import dilated, tolerance_px
from loss_study.metrics.masks import foreground

#: A jump of the depth, as a share of the depth range, between neighbouring pixels and above.
EDGE_STEP = 0.1
#: A pixel and its eight neighbours: kernel, stride and padding.
_NEIGHBOURS = (3, 1, 1)


def outline(mask_NCHW: Tensor, valid_N1HW: Tensor | None = None) -> Tensor:
    """Return the pixels on both sides of the target's outlines, bool (N, 1, H, W); none along invalid pixels.

    Those with foreground and background, or any two classes, within the tolerance of the metric boundary F, 0.75 % of
    the diagonal rounded up: 1 px at 64 x 64.

    Args:
        mask_NCHW: target of the mask in [0, 1], one-hot for several classes.
        valid_N1HW: 1 where it has ground truth; None: everywhere.
    """
    inside, counted, radius = foreground(mask_NCHW), valid_pixels(mask_NCHW, valid_N1HW), tolerance_px(mask_NCHW)
    both = dilated(inside & counted, radius) & dilated(~inside & counted, radius)
    return both.any(dim=1, keepdim=True) & counted


def depth_edges(depth_N1HW: Tensor, valid_N1HW: Tensor | None = None) -> Tensor:
    """Return the pixels among whose eight neighbours and itself the depth spans more than `EDGE_STEP`.

    An invalid pixel, where `valid_N1HW` is 0, is neither an edge nor a neighbour. The result is bool (N, 1, H, W).
    """
    if valid_N1HW is None:
        return F.max_pool2d(depth_N1HW, *_NEIGHBOURS) + F.max_pool2d(-depth_N1HW, *_NEIGHBOURS) > EDGE_STEP
    counted = valid_N1HW > 0
    highest, negative_lowest = (
        F.max_pool2d(torch.where(counted, depth, -torch.inf), *_NEIGHBOURS) for depth in (depth_N1HW, -depth_N1HW)
    )
    return counted & (highest + negative_lowest > EDGE_STEP)


def of_head(head: str, target: Tensor, mask: Tensor | None, valid: Tensor | None = None) -> dict[str, Tensor]:
    """Return the regions in which the gradient of `head` is measured, by name; all bool (N, 1, H, W).

    Args:
        head: "mask" or "depth".
        target: of the head, float in [0, 1]; one of several classes has no ``foreground``.
        mask: target of a mask of one class; None where the sample has none, the depth then has no ``foreground``.
        valid: 1 where `target` has ground truth; None: everywhere.
    """
    edges = {"outline": outline(target, valid)} if head == "mask" else {"edges": depth_edges(target, valid)}
    objects = target if head == "mask" else mask
    if objects is None or objects.shape[1] > 1:
        return edges
    return {"foreground": foreground(objects) & valid_pixels(target, valid), **edges}
