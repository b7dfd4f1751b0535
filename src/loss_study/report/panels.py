"""Panels: one test image with its ground truth and, for every loss, the prediction and its error."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from loss_study.data.depth_scale import eight_bits
from loss_study.data.packed import PackedSample
from loss_study.metrics import headline_of
from loss_study.report import colouring
from loss_study.statistics.results import Result, read_columns

#: Takes half as long as the usual 6, for 4 % more bytes.
PNG_LEVEL = 4
#: Of a row of a panel: more would be too small on a screen.
MOST_COLUMNS = 13
_CELL = 128
_GAP = 6
_LINE = 20
_FONT_SIZE = 13
# Readable on white as well as on black, since the panel is transparent.
_INK = (118, 124, 132, 255)
_EMPTY = (128, 128, 128, 48)


@dataclass(frozen=True)
class Panel:
    """One test image of one head.

    Attributes:
        head: "mask" or "depth".
        name: ends the name of the file.
        id: of the image.
        png: the panel.
        width: of the panel in pixels.
        alt: what is on the panel, in words.
    """

    head: str
    name: str
    id: str
    png: bytes
    width: int
    alt: str

    @property
    def path(self) -> str:
        """Where it lies in the report's folder: ``panels/mask-0.png``."""
        return f"panels/{self.head}-{self.name}.png"


@dataclass(frozen=True)
class Prediction:
    """What one trial predicts for an image, uint8 (H, W); None where it left no prediction. `scores` is by image."""

    result: Result
    values: np.ndarray | None
    scores: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Target:
    """The ground truth of one image, uint8 (H, W), and its valid pixels, bool (H, W); None: all are valid."""

    head: str
    values: np.ndarray
    classes: int
    valid: np.ndarray | None

    @classmethod
    def of(cls, sample: PackedSample, head: str, number: int) -> _Target:
        valid = sample.valid(head)
        return cls(
            head,
            eight_bits(np.asarray(sample.targets(head)[number])),
            colouring.classes_of(sample, head),
            None if valid is None else np.asarray(valid[number]),
        )

    @property
    def image(self) -> np.ndarray:
        """The ground truth in colours."""
        return colouring.coloured(self.head, self.values, self.classes, self.valid)

    def coloured(self, prediction: np.ndarray) -> np.ndarray:
        """Return a prediction in colours, at invalid pixels, too."""
        return colouring.coloured(self.head, prediction, self.classes)

    def error(self, prediction: np.ndarray) -> np.ndarray:
        """Return where a prediction is wrong."""
        return colouring.error(self.head, prediction, self.values, self.classes, self.valid)


@dataclass(frozen=True)
class _Column:
    """A column of a panel: two images, RGB (H, W, 3) or None, and the line below them."""

    title: str
    top: np.ndarray | None
    bottom: np.ndarray | None = None
    caption: str = ""


def panel(head: str, name: str, number: int, predictions: Sequence[Prediction], sample: PackedSample) -> Panel:
    """Return the panel `name` of the sample's image `number`, with a column for each of `predictions`."""
    columns = [_Column("image", np.asarray(sample.images[number]))]
    if sample.backgrounds is not None:
        columns.append(_Column("background", np.asarray(sample.backgrounds[sample.background_rows[number]])))
    target = _Target.of(sample, head, number)
    columns.append(_Column("ground truth", target.image))
    identity = sample.index[number]["id"]
    columns += [_loss_column(target, identity, prediction) for prediction in predictions]
    alt = f"{head} of test image {identity}: {', '.join(column.title for column in columns)}; below, the errors"
    canvas = _drawn(columns, target.values.shape)
    file = io.BytesIO()
    canvas.save(file, "PNG", compress_level=PNG_LEVEL)
    return Panel(head, name, identity, file.getvalue(), canvas.width, alt)


def _loss_column(target: _Target, identity: str, prediction: Prediction) -> _Column:
    result, values = prediction.result, prediction.values
    if values is None:
        return _Column(result.trial.loss, None, None, result.status)
    caption = result.verdict or prediction.scores.get(identity, "")
    return _Column(result.trial.loss, target.coloured(values), target.error(values), caption)


def scores(result: Result) -> dict[str, str]:
    """Return what a trial scored on the headline metric, rounded, by the image's id."""
    metric = headline_of(result.trial.head, result.classes)
    columns = read_columns(result.trial.eval_dir / "per_image.csv")
    cells = columns.get(metric.name, ())
    return {
        identity: metric.show(float(value))
        for identity, value in zip(columns.get("id", ()), cells, strict=False)
        if value
    }


def _drawn(columns: Sequence[_Column], shape: tuple[int, int]) -> Image.Image:
    """Draw the columns side by side, in as few and equally long rows as are wide enough to be read on a screen."""
    rows = -(-len(columns) // MOST_COLUMNS)
    longest = -(-len(columns) // rows)
    drawn = [_row(columns[first : first + longest], shape) for first in range(0, len(columns), longest)]
    height = drawn[0].height
    canvas = Image.new("RGBA", (drawn[0].width, rows * height + (rows - 1) * _GAP), (0, 0, 0, 0))
    for number, row in enumerate(drawn):
        canvas.paste(row, (0, number * (height + _GAP)))
    return canvas


def _row(columns: Sequence[_Column], shape: tuple[int, int]) -> Image.Image:
    """Draw columns: title, upper image, lower image, caption."""
    factor = max(1, round(_CELL / max(shape)))
    height, width = shape[0] * factor, shape[1] * factor
    canvas = Image.new("RGBA", (len(columns) * (width + _GAP) - _GAP, 2 * height + _GAP + 2 * _LINE), (0, 0, 0, 0))
    draw = ImageDraw.Draw(canvas)
    for number, column in enumerate(columns):
        left = number * (width + _GAP)
        draw.text((left, 0), column.title, _INK, _font(column.title, width))
        _paste(canvas, column.top, (left, _LINE), factor, (width, height) if column.caption else None)
        _paste(canvas, column.bottom, (left, _LINE + height + _GAP), factor, None)
        draw.text((left, canvas.height - _LINE + 3), column.caption, _INK, _font(column.caption, width))
    return canvas


@cache
def _font(text: str, width: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return the font in which `text` is at most `width` pixels wide, however small, but at most `_FONT_SIZE`."""
    for size in range(_FONT_SIZE, 1, -1):
        font = ImageFont.load_default(size)
        if font.getlength(text) <= width:
            break
    return font


def _paste(
    canvas: Image.Image, pixels: np.ndarray | None, place: tuple[int, int], factor: int, empty: tuple[int, int] | None
) -> None:
    """Paste `pixels` enlarged without smoothing, or a pale box of the size `empty` where there are none."""
    if pixels is not None:
        canvas.paste(Image.fromarray(np.repeat(np.repeat(pixels, factor, 0), factor, 1)), place)
    elif empty is not None:
        canvas.paste(_EMPTY, (*place, place[0] + empty[0], place[1] + empty[1]))
