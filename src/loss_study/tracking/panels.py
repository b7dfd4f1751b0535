"""The images of a trial: what it was shown, the ground truth, its prediction and where that is wrong."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from loss_study.data.depth_scale import eight_bits
from loss_study.data.packed import PackedSample
from loss_study.report import colouring

COLUMNS = ("image", "ground truth", "prediction", "error")
_CAPTION = 16
_GAP = 4
_SIDE = 128


def sheet(sample: PackedSample, head: str, numbers: Sequence[int], predictions: np.ndarray) -> Image.Image:
    """Draw one row for each of the images `numbers`: image, ground truth, prediction, error.

    In the colours of the report, see `colouring`.

    Args:
        predictions: uint8 (P, H, W), probability or depth times 255 or number of the class, in the order of `numbers`.

    Returns:
        An RGB image; images smaller than 128 px are enlarged by a whole factor.
    """
    height, width = predictions.shape[1:]
    scale = max(1, _SIDE // width)
    step_y, step_x = height * scale + _GAP, width * scale + _GAP
    drawn = Image.new("RGB", (step_x * len(COLUMNS) - _GAP, _CAPTION + step_y * len(numbers) - _GAP), "white")
    draw = ImageDraw.Draw(drawn)
    for column, caption in enumerate(COLUMNS):
        draw.text((column * step_x, 2), caption, fill="black")
    for row, (number, prediction) in enumerate(zip(numbers, predictions, strict=True)):
        for column, tile in enumerate(_tiles(sample, head, number, prediction)):
            enlarged = np.repeat(np.repeat(tile, scale, axis=0), scale, axis=1)
            drawn.paste(Image.fromarray(enlarged), (column * step_x, _CAPTION + row * step_y))
    return drawn


def _tiles(sample: PackedSample, head: str, number: int, prediction: np.ndarray) -> list[np.ndarray]:
    """Return image, ground truth, prediction and error, RGB (H, W, 3)."""
    target, valid = eight_bits(np.asarray(sample.targets(head)[number])), sample.valid(head)
    classes, valid = colouring.classes_of(sample, head), None if valid is None else valid[number]
    return [
        np.asarray(sample.images[number]),
        colouring.coloured(head, target, classes, valid),
        colouring.coloured(head, prediction, classes),
        colouring.error(head, prediction, target, classes, valid),
    ]
