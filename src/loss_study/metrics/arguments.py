"""What every metric requires of its prediction and target, and of the map of valid pixels."""

from __future__ import annotations

import torch
from torch import Tensor

#: Targets of 8 and of 16 bits are multiples of one over this.
MASK_STEPS, DEPTH_STEPS = 255, 65535
#: How far a target may be from a multiple, in multiples: in float32 those of 16 bits are off by up to 0.008.
TOLERANCE = 0.01


def check_pair(
    prediction: Tensor,
    target: Tensor,
    valid: Tensor | None = None,
    *,
    several: bool = False,
    steps: int = MASK_STEPS,
) -> None:
    """Refuse a pair that no metric should be computed on.

    Targets come from images of whole numbers, so they are multiples of 1 / `steps`; a target that is not is a
    prediction in its place.

    Args:
        several: whether both have a channel for each of two or more classes, not one channel.
        steps: `MASK_STEPS` or `DEPTH_STEPS`.

    Raises:
        ValueError: shapes that differ or are not (N, 1, H, W), for `several` (N, K, H, W) with K > 1; no image; a value
            that is NaN or outside [0, 1]; a target that is not in steps of 1 / `steps`; `valid` that is not
            (N, 1, H, W) of 0 and 1.
    """
    shape, channels = tuple(target.shape), "K" if several else "1"
    if prediction.shape != target.shape or target.ndim != 4 or (shape[1] > 1) != several or not target.numel():
        raise ValueError(
            f"prediction {tuple(prediction.shape)} and target {shape} must both be (N, {channels}, H, W), N > 0"
            f"{', K > 1' if several else ''}"
        )
    for name, tensor in (("prediction", prediction), ("target", target)):
        if not tensor.is_floating_point() or not _is_within(tensor, 0, 1):
            raise ValueError(f"{name} must be floating point with every value in [0, 1]")
    in_steps = target.float() * steps
    if not _is_within(in_steps.sub_(in_steps.round()), -TOLERANCE, TOLERANCE):
        raise ValueError(f"target is not in steps of 1/{steps}; are prediction and target swapped?")
    if valid is not None and (valid.shape != target[:, :1].shape or not bool(((valid == 0) | (valid == 1)).all())):
        raise ValueError(f"valid {tuple(valid.shape)} must be {(shape[0], 1, *shape[2:])}, every value 0 or 1")


def _is_within(values: Tensor, least: float, most: float) -> bool:
    """Say whether all values are in [`least`, `most`]; NaN is not."""
    lowest, highest = values.aminmax()
    return bool(lowest >= least) and bool(highest <= most)


def valid_pixels(target: Tensor, valid: Tensor | None) -> Tensor:
    """Return which pixels of `target` (N, C, H, W) are valid, bool (N, 1, H, W); `valid` None: all."""
    return torch.ones_like(target[:, :1], dtype=torch.bool) if valid is None else valid > 0


def at_valid(values: Tensor, valid: Tensor | None) -> Tensor:
    """Return the values (N, 1, H, W) at valid pixels, (pixels,); `valid` None: at all, without the time of looking."""
    return values.flatten() if valid is None else values[valid > 0]


def nan_without_valid(values: Tensor, valid: Tensor) -> Tensor:
    """Return `values` (N, ...) with NaN for the images without a pixel in `valid`, bool (N, 1, H, W)."""
    some = valid.flatten(1).any(dim=1).view(-1, *[1] * (values.ndim - 1))
    return torch.where(some, values, torch.nan)
