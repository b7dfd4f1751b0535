"""A sheet for people: the image with the mask's tint and outline, and beside it the depth in colours."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from loss_study.datasets.reading.images import decode, deep_values
from loss_study.inference.contract import Depth, Mask
from loss_study.inference.outputs import Prediction

#: Longest side of the image on a sheet, in pixels.
LONGEST = 1024
#: Small images are enlarged to this width, so that a caption fits below.
NARROWEST = 320
#: Share of the class's colour in the tint.
TINT = 0.45
#: Okabe and Ito's colours, distinct with any colour vision; a mask of one class has the first, which is rare in photos.
CLASS_COLOURS = np.array(
    [[204, 121, 167], [0, 114, 178], [0, 158, 115], [230, 159, 0], [86, 180, 233], [213, 94, 0], [240, 228, 66]],
    dtype=np.uint8,
)
#: Matplotlib's viridis at equal steps from dark (near) to bright (far).
VIRIDIS = np.array(
    [
        [68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141],
        [39, 173, 129], [92, 200, 99], [170, 220, 50], [253, 231, 37],
    ],
    dtype=np.float64,
)  # fmt: skip
#: The class of several that has no tint.
BACKGROUND = "background"
_CAPTION = 22


def sheet(image: Path, predictions: Mapping[str, Prediction]) -> Image.Image:
    """Return the sheet of the image file and what is predicted of it, by head; image and predictions have one size."""
    seen = _as_seen(image)
    seen.thumbnail((LONGEST, LONGEST))
    if seen.width < NARROWEST:
        seen = seen.resize((NARROWEST, max(1, round(seen.height * NARROWEST / seen.width))), Image.Resampling.BILINEAR)
    panels = [_panel(seen, prediction) for prediction in predictions.values()]
    found = Image.new("RGB", (len(panels) * seen.width, seen.height + _CAPTION), "black")
    draw, font = ImageDraw.Draw(found), _font()
    for number, (panel, caption) in enumerate(panels):
        found.paste(panel, (number * seen.width, 0))
        draw.text((number * seen.width + 4, seen.height + 3), caption, "white", font)
    return found


@cache
def _font() -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    """Return the font of captions, which takes longer to read than to use."""
    return ImageFont.load_default(13)


def _as_seen(image: Path) -> Image.Image:
    values = deep_values(image)
    if values is None:
        return decode(image, at_least=LONGEST).convert("RGB")
    low, high = np.nanpercentile(values, [0.1, 99.9])
    shares = np.nan_to_num((values - low) / max(high - low, 1e-12)).clip(0, 1)
    return Image.fromarray(np.rint(255 * shares).astype(np.uint8)).convert("RGB")


def _panel(image: Image.Image, prediction: Prediction) -> tuple[Image.Image, str]:
    if isinstance(prediction.output, Mask):
        shown = Image.fromarray(_numbered(prediction.output)[prediction.classes])
        caption = ", ".join(f"{name} {share:.1%}" for name, share in prediction.shares().items())
        return tinted(image, np.asarray(shown.resize(image.size, Image.Resampling.NEAREST))), f"mask: {caption}"
    low, middle, high = np.percentile(prediction.depth, [1, 50, 99])
    caption = f"depth: {low:.2f} (dark) to {high:.2f}, median {middle:.2f} {prediction.output.unit}"
    return in_colours(prediction, image.size), caption


def _numbered(output: Mask) -> np.ndarray:
    """Return for each class the number of its colour, from 1, and 0 for no colour, uint8."""
    if output.classes == 1:
        return np.array([0, 1], dtype=np.uint8)
    return np.array([0 if name == BACKGROUND else 1 + n for n, name in enumerate(output.class_names)], dtype=np.uint8)


def tinted(image: Image.Image, classes: np.ndarray) -> Image.Image:
    """Return `image` with a tint and an outline in the colour of each number in `classes`, uint8 (H, W), but 0."""
    colours = _painted(classes, _OF_CLASSES)
    inside, outline = classes > 0, outlines(classes, max(1, max(image.size) // 300))
    found = image.copy()
    found.paste(Image.blend(image, colours, TINT), mask=Image.fromarray(inside))
    found.paste(colours, mask=Image.fromarray(outline & inside))
    return found


def outlines(classes: np.ndarray, width: int) -> np.ndarray:
    """Return the pixels with another class at most `width` pixels above, below, left or right, bool (H, W)."""
    found = np.zeros(classes.shape, dtype=bool)
    for step in range(1, width + 1):
        vertical, horizontal = classes[step:] != classes[:-step], classes[:, step:] != classes[:, :-step]
        found[step:] |= vertical
        found[:-step] |= vertical
        found[:, step:] |= horizontal
        found[:, :-step] |= horizontal
    return found


def in_colours(prediction: Prediction, size: tuple[int, int]) -> Image.Image:
    """Return coded or relative depth in `VIRIDIS`, from its nearest to its farthest percent, in that size."""
    assert isinstance(prediction.output, Depth)
    values = np.asarray(Image.fromarray(prediction.values[0]).resize(size, Image.Resampling.BILINEAR))
    low, high = np.percentile(values, [1, 99])
    steps = ((values - low) * (255 / max(high - low, 1e-6))).clip(0, 255).astype(np.uint8)
    return _painted(steps, _LADDER)


def _painted(numbers: np.ndarray, colours: np.ndarray) -> Image.Image:
    """Return `numbers`, uint8 (H, W), each in its row of `colours`, uint8 (256, 3)."""
    found = Image.fromarray(numbers)
    found.putpalette(colours.tobytes())
    return found.convert("RGB")


def _ladder() -> np.ndarray:
    """Return `VIRIDIS` in 256 steps, uint8 (256, 3)."""
    places = np.linspace(0, len(VIRIDIS) - 1, 256)
    channels = [np.interp(places, np.arange(len(VIRIDIS)), VIRIDIS[:, channel]) for channel in range(3)]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)


_LADDER = _ladder()
#: Number 1 has the first of `CLASS_COLOURS`.
_OF_CLASSES = CLASS_COLOURS[(np.arange(256) - 1) % len(CLASS_COLOURS)]
