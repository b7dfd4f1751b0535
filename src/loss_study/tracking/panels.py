"""A trial's pictures: what it was shown, what it should have said, what it said, and where that is wrong."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from loss_study.data.packed import PackedSample
from loss_study.report import colouring

COLUMNS = ("image", "truth", "prediction", "error")
_CAPTION = 16
_GAP = 4
_SIDE = 128


def sheet(sample: PackedSample, head: str, numbers: Sequence[int], predictions: np.ndarray) -> Image.Image:
    """Draw one row for each picture number: picture, truth, prediction, absolute error (white is 1).

    Several classes are in colours, their error red; where there is no truth, it is striped.

    Args:
        predictions: uint8 (P, H, W), probability or depth times 255 or number of the class, in the order of `numbers`.

    Returns:
        An RGB image; pictures smaller than 128 px are enlarged by a whole factor.
    """
    height, width = predictions.shape[1:]
    scale = max(1, _SIDE // width)
    step_y, step_x = height * scale + _GAP, width * scale + _GAP
    image = Image.new("RGB", (step_x * len(COLUMNS) - _GAP, _CAPTION + step_y * len(numbers) - _GAP), "white")
    draw = ImageDraw.Draw(image)
    for column, caption in enumerate(COLUMNS):
        draw.text((column * step_x, 2), caption, fill="black")
    for row, (number, prediction) in enumerate(zip(numbers, predictions, strict=True)):
        for column, tile in enumerate((sample.images[number], *_tiles(sample, head, number, prediction))):
            enlarged = np.repeat(np.repeat(np.asarray(tile), scale, axis=0), scale, axis=1)
            image.paste(Image.fromarray(enlarged), (column * step_x, _CAPTION + row * step_y))
    return image


def _tiles(
    sample: PackedSample, head: str, number: int, prediction: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return truth, prediction and error, grey (H, W) or RGB (H, W, 3)."""
    truth, valid = sample.targets(head)[number], sample.valid(head)
    known = None if valid is None else valid[number]
    classes = colouring.classes_of(sample, head)
    if classes > 1:
        pictures = [colouring.coloured(head, truth, classes, known), colouring.coloured(head, prediction, classes)]
        return *pictures, colouring.error(head, prediction, truth, classes, known)
    error = np.abs(truth.astype(np.int16) - prediction).astype(np.uint8)
    return colouring.striped(truth, known), prediction, colouring.striped(error, known)
