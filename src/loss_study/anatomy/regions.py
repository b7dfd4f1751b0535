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


def outline(mask_N1HW: torch.Tensor) -> torch.Tensor:
    """Return the pixels on both sides of the true outline, bool (N, 1, H, W).

    Those with foreground and background within the tolerance of the metric boundary F, 0.75 % of the diagonal rounded
    up: 1 px at 64 x 64.
    """
    inside = foreground(mask_N1HW).float()
    return _range(inside, math.ceil(TOLERANCE_SHARE * math.hypot(*mask_N1HW.shape[-2:]))) > 0


def depth_edges(depth_N1HW: torch.Tensor) -> torch.Tensor:
    """Return the pixels among whose eight neighbours and itself the true depth spans more than `EDGE_STEP`."""
    return _range(depth_N1HW, 1) > EDGE_STEP


def of_head(head: str, target: torch.Tensor, mask: torch.Tensor | None) -> dict[str, torch.Tensor]:
    """Return the regions in which the gradient of `head` is looked at, by name; all (N, 1, H, W).

    Args:
        target: truth of the head, float in [0, 1].
        mask: true mask; None where the sample has none, the depth head then has no ``foreground``.
    """
    if head == "mask":
        return {"foreground": foreground(target), "outline": outline(target)}
    edges = {"edges": depth_edges(target)}
    return edges if mask is None else {"foreground": foreground(mask), **edges}


def _range(values_N1HW: torch.Tensor, radius: int) -> torch.Tensor:
    """Return the largest minus the smallest value of the square of 2 `radius` + 1 pixels around each pixel."""
    window = {"kernel_size": 2 * radius + 1, "stride": 1, "padding": radius}
    return F.max_pool2d(values_N1HW, **window) + F.max_pool2d(-values_N1HW, **window)
