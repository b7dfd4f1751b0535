"""The contact sheet: some images with background, mask and depth map, exactly as a network gets them, only enlarged."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from loss_study.data.depth_scale import eight_bits, widened
from loss_study.inspection.examples import Seen, spread
from loss_study.inspection.findings import plain
from loss_study.inspection.shares import foreground
from loss_study.report.colouring import coloured

#: Images on a sheet, in so many blocks beside each other.
IMAGES, BLOCKS = 12, 2
_CELL, _GAP, _BLOCK_GAP, _LINE, _FONT_SIZE = 128, 6, 28, 20, 12
#: Pillow's own font knows no letters but ours.
_FONT = Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans.ttf")
# Readable on white as well as on black, since the sheet is transparent.
_INK = (118, 124, 132, 255)
#: How much of the brightness is left where the mask is background.
_DIMMED = 0.25


def choose(seen: Sequence[Seen], classes: int) -> list[Seen]:
    """Return the images of the sheet, from the smallest mask to the largest one; without masks any."""
    ordered = sorted(seen, key=lambda one: foreground(one.example, classes) or 0.0)
    return spread(ordered, IMAGES)


def draw(seen: Sequence[Seen], classes: int) -> bytes:
    """Return a PNG of the images `seen`, at least one, each with its captions; `classes` as in `DatasetConfig`."""
    rows = [_cells(one, classes) for one in seen]
    titles = list(dict.fromkeys(title for cells in rows for title in cells))
    factor = max(1, round(_CELL / seen[0].example.image.shape[0]))
    side = seen[0].example.image.shape[0] * factor
    width = len(titles) * (side + _GAP) - _GAP
    lines = -(-len(rows) // BLOCKS)
    blocks = min(BLOCKS, len(rows))
    size = (blocks * (width + _BLOCK_GAP) - _BLOCK_GAP, _LINE + lines * (side + _LINE + _GAP))
    canvas = Image.new("RGBA", size, (0, 0, 0, 0))
    pen, font = ImageDraw.Draw(canvas), ImageFont.truetype(_FONT, _FONT_SIZE)
    for block in range(blocks):
        for column, title in enumerate(titles):
            pen.text((block * (width + _BLOCK_GAP) + column * (side + _GAP), 0), title, _INK, font)
    for number, (one, cells) in enumerate(zip(seen, rows, strict=True)):
        left, top = number // lines * (width + _BLOCK_GAP), _LINE + number % lines * (side + _LINE + _GAP)
        for column, title in enumerate(titles):
            if title in cells:
                pixels = np.repeat(np.repeat(cells[title], factor, 0), factor, 1)
                canvas.paste(Image.fromarray(pixels), (left + column * (side + _GAP), top))
        pen.text((left, top + side + 1), _fitting(_caption(one, classes), width, font), _INK, font)
    file = io.BytesIO()
    canvas.save(file, "PNG")
    return file.getvalue()


def _cells(one: Seen, classes: int) -> dict[str, np.ndarray]:
    """Return what is shown of an image, uint8 (H, W, 3) each, by title."""
    example = one.example
    cells = {"image": example.image}
    if one.background is not None:
        cells["background"] = one.background
    if example.mask is not None:
        cells["mask"] = coloured("mask", example.mask, classes, example.mask_valid)
        if classes == 1:
            weight = _DIMMED + (1 - _DIMMED) * example.mask[..., None] / 255
            cells["image in the mask"] = np.rint(example.image * weight).astype(np.uint8)
    if example.depth is not None:
        cells["depth, far is bright"] = coloured("depth", eight_bits(widened(example.depth)), valid=example.depth_valid)
    return cells


def _caption(one: Seen, classes: int) -> str:
    share = foreground(one.example, classes)
    return plain(one.item.id) + ("" if share is None else f"  ({share:.1%} foreground)")


def _fitting(text: str, width: int, font: ImageFont.FreeTypeFont) -> str:
    """Return `text` without its middle, if it is too long."""
    kept = len(text)
    while font.getlength(text if kept >= len(text) else shortened(text, kept)) > width:
        kept -= 1
    return shortened(text, kept)


def shortened(text: str, length: int) -> str:
    """Return `text` with at most `length` letters, those in its middle replaced by three dots."""
    half = max(1, (length - 3) // 2)
    return text if len(text) <= length else f"{text[:half]}...{text[-half:]}"
