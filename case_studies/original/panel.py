"""One variant's predictions as an image: what the network was shown, the truth, and each loss's answer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from loss_study.data.packed import PackedSample

#: Which of the images that evaluation sets aside, from the smallest to the largest foreground.
SHOWN = (3, 6)
CELL = 128
GAP = 4
LINE = 18
# Readable on white as well as on black, since the panel is transparent.
INK = (118, 124, 132, 255)

#: Head, loss, predictions uint8 (P, H, W).
Prediction = tuple[str, str, np.ndarray]


def save(path: Path, sample: PackedSample, predictions: Sequence[Prediction], images: Sequence[int]) -> None:
    """Draw two test images for each head and save them as a PNG; `images` are their numbers in `sample`."""
    rows = []
    for head in dict.fromkeys(head for head, _, _ in predictions):
        of_head = [(loss, array) for one, loss, array in predictions if one == head]
        rows += [_row(sample, head, of_head, images, number) for number in SHOWN if number < len(images)]
    canvas = Image.new("RGBA", (max(map(len, rows)) * (CELL + GAP), len(rows) * (LINE + CELL + GAP)), (0, 0, 0, 0))
    draw = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(13)
    for down, row in enumerate(rows):
        for across, (title, pixels) in enumerate(row):
            left, top = across * (CELL + GAP), down * (LINE + CELL + GAP)
            draw.text((left, top), title, INK, font)
            canvas.paste(Image.fromarray(pixels).resize((CELL, CELL), Image.Resampling.NEAREST), (left, top + LINE))
    new = path.with_name(f".{path.name}.new")
    canvas.save(new, "PNG")
    new.replace(path)


def _row(
    sample: PackedSample, head: str, predictions: Sequence[tuple[str, np.ndarray]], images: Sequence[int], number: int
) -> list[tuple[str, np.ndarray]]:
    image = images[number]
    cells = [("image", sample.images[image])]
    if sample.backgrounds is not None:
        cells.append(("background", sample.backgrounds[sample.background_rows[image]]))
    cells.append((f"true {head}", sample.targets(head)[image]))
    return cells + [(loss, array[number]) for loss, array in predictions]
