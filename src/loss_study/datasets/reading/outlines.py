"""Outlines and run lengths of annotations as masks of whole pixels: a pixel is inside if its centre is."""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

#: Pixels beyond which a corner is taken to be there: differences of larger numbers are not finite.
FARTHEST = 1e9
#: Corners that stand for a circle.
CORNERS = 360


def polygon(points: Sequence[Sequence[float]], height: int, width: int) -> np.ndarray:
    """Return which pixels are inside a polygon of (x, y) in pixels, bool (height, width), by the even-odd rule."""
    corners = np.clip(np.asarray(points, dtype=np.float64).reshape(-1, 2), -FARTHEST, FARTHEST)
    crossings = np.zeros((height, width + 1), dtype=np.int32)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        first, last = np.clip(np.ceil(np.array([min(y0, y1), max(y0, y1)]) - 0.5), 0, height).astype(int)
        rows = np.arange(first, last)
        if len(rows):
            across = x0 + (rows + 0.5 - y0) * (x1 - x0) / (y1 - y0)
            crossings[rows, np.clip(np.ceil(across - 0.5), 0, width).astype(int)] += 1
    return np.asarray(crossings.cumsum(axis=1)[:, :width] % 2 == 1)


def rectangle(points: Sequence[Sequence[float]], height: int, width: int) -> np.ndarray:
    """Return which pixels are inside the rectangle with these two opposite corners."""
    (x0, y0), (x1, y1) = points
    return polygon([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], height, width)


def circle(points: Sequence[Sequence[float]], height: int, width: int) -> np.ndarray:
    """Return which pixels are inside the circle of this centre and point on it."""
    (x0, y0), (x1, y1) = points
    angles = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    corners = np.array([x0, y0]) + np.hypot(x1 - x0, y1 - y0) * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return polygon(corners.tolist(), height, width)


def run_lengths(counts: str | Sequence[int], height: int, width: int) -> np.ndarray:
    """Return the mask of COCO's run lengths, bool (height, width): pixels in and out, by turns, column by column.

    Raises:
        ValueError: they are not those of so many pixels.
    """
    runs = _decoded(counts) if isinstance(counts, str) else list(counts)
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(width, height).T


def _decoded(text: str) -> list[int]:
    """Return the run lengths that pycocotools wrote as text: six bits a character, differences from the third on."""
    runs: list[int] = []
    value = bits = 0
    for character in text:
        code = ord(character) - 48
        value |= (code & 0x1F) << bits
        bits += 5
        if not code & 0x20:
            value -= (code & 0x10) << bits - 4
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value = bits = 0
    return runs


def pasted(image: str, points: Sequence[Sequence[float]], height: int, width: int) -> np.ndarray:
    """Return the mask of a PNG in base64 whose first corner is at the first of `points`, bool (height, width).

    Raises:
        ValueError: it is no image, or does not lie inside.
    """
    try:
        part = np.asarray(Image.open(io.BytesIO(base64.b64decode(image)), formats=["PNG"]).convert("L")) > 0
    except (OSError, binascii.Error) as error:
        raise ValueError(f"a mask that is no image ({error})") from None
    left, top = (round(value) for value in points[0])
    mask = np.zeros((height, width), dtype=bool)
    mask[top : top + part.shape[0], left : left + part.shape[1]] = part
    return mask


def of_coco(segmentation: Any, height: int, width: int) -> np.ndarray:
    """Return the mask of the value of ``segmentation`` in a COCO annotation: polygons, or run lengths."""
    if isinstance(segmentation, dict):
        return run_lengths(segmentation["counts"], *segmentation["size"])
    return np.any([polygon(np.reshape(one, (-1, 2)).tolist(), height, width) for one in segmentation], axis=0)
