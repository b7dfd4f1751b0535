"""Parts of a picture that a loss may treat differently: the object, its outline, jumps of the depth."""

from __future__ import annotations

import math

import torch
from torch.nn import functional as F

from loss_study.metrics.mask import TARGET_THRESHOLD, TOLERANCE_SHARE

#: A jump of the depth, as a share of the depth range, between neighbouring pixels and above.
EDGE_STEP = 0.1


def foreground(mask_N1HW: torch.Tensor) -> torch.Tensor:
    """Return where the true mask, in [0, 1], is foreground; bool (N, 1, H, W)."""
    return mask_N1HW > TARGET_THRESHOLD


def outline(mask_NCHW: torch.Tensor, valid_N1HW: torch.Tensor | None = None) -> torch.Tensor:
    """Return the pixels on both sides of the true outlines, bool (N, 1, H, W); none runs along a gap in the truth.

    Those with foreground and background, or any two classes, within the tolerance of the metric boundary F, 0.75 % of
    the diagonal rounded up: 1 px at 64 x 64.

    Args:
        mask_NCHW: true mask in [0, 1], one-hot for several classes.
        valid_N1HW: 1 where there is a truth; None: everywhere.
    """
    radius = math.ceil(TOLERANCE_SHARE * math.hypot(*mask_NCHW.shape[-2:]))
    return (_range(foreground(mask_NCHW).float(), radius, valid_N1HW) > 0).any(dim=1, keepdim=True)


def depth_edges(depth_N1HW: torch.Tensor, valid_N1HW: torch.Tensor | None = None) -> torch.Tensor:
    """Return the pixels among whose eight neighbours and itself the true depth spans more than `EDGE_STEP`.

    A pixel without a truth, where `valid_N1HW` is 0, is neither an edge nor a neighbour.
    """
    return _range(depth_N1HW, 1, valid_N1HW) > EDGE_STEP


def of_head(
    head: str, target: torch.Tensor, mask: torch.Tensor | None, valid: torch.Tensor | None = None
) -> dict[str, torch.Tensor]:
    """Return the regions in which the gradient of `head` is looked at, by name; all (N, 1, H, W).

    Args:
        target: truth of the head, float in [0, 1]; one of several classes has no ``foreground``.
        mask: true mask of one class; None where the sample has none, the depth head then has no ``foreground``.
        valid: 1 where `target` is a truth; None: everywhere.
    """
    known = torch.ones_like(target[:, :1], dtype=torch.bool) if valid is None else valid > 0
    edges = {"outline": outline(target, valid)} if head == "mask" else {"edges": depth_edges(target, valid)}
    objects = target if head == "mask" else mask
    if objects is None or objects.shape[1] > 1:
        return edges
    return {"foreground": foreground(objects) & known, **edges}


def _range(values_NCHW: torch.Tensor, radius: int, valid_N1HW: torch.Tensor | None) -> torch.Tensor:
    """Return the largest minus the smallest value of the square of 2 `radius` + 1 pixels around each pixel.

    Pixels that are not valid do not take part, and are minus infinity.
    """
    window = {"kernel_size": 2 * radius + 1, "stride": 1, "padding": radius}
    if valid_N1HW is None:
        return F.max_pool2d(values_NCHW, **window) + F.max_pool2d(-values_NCHW, **window)
    known = valid_N1HW > 0
    highest, negative_lowest = (
        F.max_pool2d(torch.where(known, values, -torch.inf), **window) for values in (values_NCHW, -values_NCHW)
    )
    return torch.where(known, highest + negative_lowest, -torch.inf)
