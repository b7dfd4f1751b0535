"""Shares and percentiles of what was read: foreground, classes, depth, pixels without ground truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from loss_study.data.depth_scale import DEPTH_STEPS, DepthScale, widened
from loss_study.datasets.base import Example
from loss_study.inspection.findings import Table
from loss_study.sampling.packer import FOREGROUND

#: The columns of the table, and the percentiles over the images that they show.
PERCENTILES = {"smallest": 0, "5 %": 5, "median": 50, "95 %": 95, "largest": 100}


def foreground(example: Example, classes: int) -> float | None:
    """Return the share of foreground in the valid pixels; None without a mask of one class or without valid pixels."""
    if example.mask is None or classes > 1:
        return None
    inside = _valid(example.mask, example.mask_valid) >= FOREGROUND
    return float(inside.mean()) if inside.size else None


def border_and_middle(mask: np.ndarray) -> tuple[float, float]:
    """Return the shares of foreground within an eighth of the image's side from its border, and in its middle half."""
    inside: np.ndarray = mask >= FOREGROUND
    height, width = inside.shape
    border = np.ones(inside.shape, dtype=bool)
    border[height // 8 : height - height // 8, width // 8 : width - width // 8] = False
    middle = inside[height // 4 : height - height // 4, width // 4 : width - width // 4]
    return float(inside[border].mean()), float(middle.mean())


def class_shares(examples: Sequence[Example], names: Sequence[str]) -> dict[str, float]:
    """Return the share of each class in all valid pixels."""
    values = [_valid(one.mask, one.mask_valid) for one in examples if one.mask is not None]
    counts = np.bincount(np.concatenate(values), minlength=len(names)) if values else np.zeros(len(names), dtype=int)
    return {name: float(count / max(1, counts.sum())) for name, count in zip(names, counts, strict=False)}


def missing(examples: Sequence[Example], head: str) -> float:
    """Return the share of the pixels that have no ground truth of `head`."""
    valid = [getattr(one, f"{head}_valid") for one in examples if getattr(one, head) is not None]
    return float(np.mean([0.0 if one is None else 1 - one.mean() for one in valid])) if valid else 0.0


def depths(examples: Sequence[Example], scale: DepthScale | None) -> np.ndarray:
    """Return the depth of all valid pixels, float64 (N,): in metres with a `scale`, else a share of the range."""
    values = [_valid(widened(one.depth), one.depth_valid) for one in examples if one.depth is not None]
    code = np.concatenate([np.empty(0), *values]) / DEPTH_STEPS
    return code if scale is None else scale.decode(code)


def clipped(depth: np.ndarray, scale: DepthScale) -> float:
    """Return the share of `depth`, in metres, that stands at the end of the scale."""
    # Stored in 16 bits: the end of the scale may be off by a step.
    step = (scale.farthest_m + scale.halfway_m) ** 2 / scale.halfway_m / DEPTH_STEPS
    return float((depth >= scale.farthest_m - step).mean()) if len(depth) else 0.0


def row(name: str, values: Sequence[float] | np.ndarray, form: str) -> tuple[str, ...]:
    """Return a row of the table of percentiles."""
    return (name, *(form.format(value) for value in np.percentile(values, list(PERCENTILES.values()))))


def table(rows: Sequence[Sequence[str]], images: int, size: int) -> Table:
    """Return the table of percentiles."""
    explanation = f"From {images} images, read as the study reads them, at {size} x {size} pixels."
    return Table("What is read", ("quantity", *PERCENTILES), rows, explanation)


def _valid(values: np.ndarray, valid: np.ndarray | None) -> np.ndarray:
    return values.ravel() if valid is None else values[valid]
