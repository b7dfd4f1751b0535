"""The generalised Dice overlap, which generalised_dice and penalty_dice share."""

from __future__ import annotations

import torch
from torch import Tensor

from loss_study.losses.shared.pixels import overlap, total


def generalised_dice_error(logits: Tensor, target: Tensor, smooth: float, valid: Tensor | None = None) -> Tensor:
    """Return 1 - (2 sum_k w_k I_k + s w) / (sum_k w_k (P_k + T_k) + s w) of each image, (N,), in [0, 1].

    k are the classes, background and foreground for C = 1; over valid pixels I = sum p t, P = sum p, T = sum t and
    w_k = 1 / (T_k + s)^2; w is the mean of w_k, so that the smoothing is that of one class.
    """
    intersections, predicted, true = overlap(logits, target, valid)
    if logits.shape[1] == 1:
        count = total(torch.ones_like(target), valid)
        others = (count - predicted - true + intersections, count - predicted, count - true)
        both = zip((intersections, predicted, true), others, strict=True)
        intersections, predicted, true = (torch.cat(pair, dim=1) for pair in both)
    weights = (true + smooth) ** -2
    smoothing = smooth * weights.mean(dim=1)
    overlaps, sizes = (weights * intersections).sum(dim=1), (weights * (predicted + true)).sum(dim=1)
    return 1 - (2 * overlaps + smoothing) / (sizes + smoothing)
