"""Where predicted depth maps are wrong: near or far, at jumps of the depth, on the object."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from loss_study.evaluation.error_analysis import regions
from loss_study.metrics import masks
from loss_study.metrics.arguments import DEPTH_STEPS, at_valid, check_pair, valid_pixels

DISTANCE_BINS = 10


def describe(*, prediction: Tensor, target: Tensor, mask: Tensor | None, valid: Tensor | None = None) -> dict[str, Any]:
    """Return the errors of a whole split.

    Invalid pixels, where `valid` is 0, are not counted; None: all are valid.

    Args:
        prediction: float (N, 1, H, W) in [0, 1].
        target: the same.
        mask: target of the mask of one class, the same; None where the sample has none.
        valid: 1 where the depth has ground truth, else 0, (N, 1, H, W).

    Returns:
        ``distance``, see `by_distance`; ``regions``: for ``edges`` (`regions.depth_edges`) and ``elsewhere``, together
        all pixels, and with `mask` for ``foreground`` and ``background``, together all pixels as well, the number of
        ``pixels`` and the ``rmse_coded`` over them, NaN without any.
    """
    check_pair(prediction, target, valid, steps=DEPTH_STEPS)
    counted = valid_pixels(target, valid)
    edges = regions.depth_edges(target, valid)
    parts = {"edges": edges, "elsewhere": ~edges}
    if mask is not None:
        inside = masks.foreground(mask)
        parts |= {"foreground": inside, "background": ~inside}
    squared = (prediction - target).double().square()
    return {
        "distance": by_distance(prediction=prediction, target=target, valid=valid),
        "regions": {
            name: {"pixels": int(part.sum()), "rmse_coded": float(((squared * part).sum() / part.sum()).sqrt())}
            for name, part in ((name, part & counted) for name, part in parts.items())
        },
    }


def by_distance(*, prediction: Tensor, target: Tensor, valid: Tensor | None = None) -> dict[str, list[float]]:
    """Return lists over ten equal bins of the target, all pixels together.

    ``pixels``; ``rmse_coded``; ``bias``, the mean of prediction minus target, above 0 where the
    prediction is too far. NaN in an empty bin.
    """
    error, depth = at_valid(prediction - target, valid).double(), at_valid(target, valid).double()
    bin_of_pixel = (depth * DISTANCE_BINS).long().clamp_max(DISTANCE_BINS - 1)
    pixels, squared, signed = (
        torch.bincount(bin_of_pixel, weights, DISTANCE_BINS).double() for weights in (None, error.square(), error)
    )
    return {
        "pixels": pixels.long().tolist(),
        "rmse_coded": (squared / pixels).sqrt().tolist(),
        "bias": (signed / pixels).tolist(),
    }
