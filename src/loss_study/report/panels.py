"""Panels: the same test picture for all losses in a row, with the truth, the predictions and their errors."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from loss_study.data.packed import PackedSample
from loss_study.metrics import HEADLINE, find
from loss_study.report import colouring
from loss_study.statistics.ranking import Ranking
from loss_study.statistics.results import Result, rows

#: Takes half as long as the usual 6, for 4 % more bytes.
PNG_LEVEL = 4
_CELL = 128
_GAP = 6
_LINE = 20
_FONT_SIZE = 13
# Readable on white as well as on black, since the panel is transparent.
_INK = (118, 124, 132, 255)
_EMPTY = (128, 128, 128, 48)


@dataclass(frozen=True)
class Panel:
    """One test picture of one head; `png` is its panel, `width` pixels wide, `alt` says what is on it."""

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
class Shot:
    """What one trial predicts for a picture, uint8 (H, W); None where it left no prediction."""

    result: Result
    prediction: np.ndarray | None


@dataclass(frozen=True)
class _Truth:
    """The truth of one picture, uint8 (H, W), and where there is one, bool (H, W); None: everywhere."""

    head: str
    values: np.ndarray
    classes: int
    valid: np.ndarray | None

    @classmethod
    def of(cls, sample: PackedSample, head: str, picture: int) -> _Truth:
        valid = sample.valid(head)
        return cls(
            head,
            np.asarray(sample.targets(head)[picture]),
            colouring.classes_of(sample, head),
            None if valid is None else np.asarray(valid[picture]),
        )

    @property
    def image(self) -> np.ndarray:
        """The truth in colours."""
        return colouring.coloured(self.head, self.values, self.classes, self.valid)

    def coloured(self, prediction: np.ndarray) -> np.ndarray:
        """Return a prediction in colours, also where there is no truth."""
        return colouring.coloured(self.head, prediction, self.classes)

    def error(self, prediction: np.ndarray) -> np.ndarray:
        """Return where a prediction is wrong."""
        return colouring.error(self.head, prediction, self.values, self.classes, self.valid)


@dataclass(frozen=True)
class _Column:
    """A column of a panel: two pictures, RGB (H, W, 3) or None, and the line below each of them."""

    title: str
    top: np.ndarray | None
    bottom: np.ndarray | None = None
    caption: str = ""


def panels(ranking: Ranking, sample: PackedSample) -> list[Panel]:
    """Return a panel per picture that evaluation set aside; the losses stand in the order of the ranking.

    Each loss is shown by its first seed that has predictions.
    """
    chosen = [_with_predictions(standing.results) for standing in ranking.standings]
    pictures = next((result.panel for result in chosen if result.panel), ())
    return [
        panel(ranking.head, str(number), picture, [_shot(result, number) for result in chosen], sample)
        for number, picture in enumerate(pictures)
    ]


def _with_predictions(results: Sequence[Result]) -> Result:
    return next((result for result in results if result.panel), results[0])


def _shot(result: Result, number: int) -> Shot:
    path = result.trial.eval_dir / "predictions.npy"
    if number >= len(result.panel) or not path.is_file():
        return Shot(result, None)
    return Shot(result, np.load(path, mmap_mode="r", allow_pickle=False)[number])


def panel(head: str, name: str, picture: int, shots: Sequence[Shot], sample: PackedSample) -> Panel:
    """Return the panel `name` of the sample's picture number `picture`, with a column for each of `shots`."""
    columns = [_Column("image", np.asarray(sample.images[picture]))]
    if sample.backgrounds is not None:
        columns.append(_Column("background", np.asarray(sample.backgrounds[sample.background_rows[picture]])))
    truth = _Truth.of(sample, head, picture)
    columns.append(_Column("truth", truth.image))
    identity = sample.index[picture]["id"]
    columns += [_loss_column(truth, identity, shot) for shot in shots]
    alt = f"{head} of test picture {identity}: {', '.join(column.title for column in columns)}; below, the errors"
    canvas = _drawn(columns, truth.values.shape)
    file = io.BytesIO()
    canvas.save(file, "PNG", compress_level=PNG_LEVEL)
    return Panel(head, name, identity, file.getvalue(), canvas.width, alt)


def _loss_column(truth: _Truth, identity: str, shot: Shot) -> _Column:
    result, prediction = shot.result, shot.prediction
    if prediction is None:
        return _Column(result.trial.loss, None, None, result.status)
    caption = result.verdict or _score(truth.head, identity, result)
    return _Column(result.trial.loss, truth.coloured(prediction), truth.error(prediction), caption)


def _score(head: str, identity: str, result: Result) -> str:
    metric = find(HEADLINE[head], result.classes)
    for row in rows(result.trial.eval_dir / "per_image.csv"):
        if row["id"] == identity and row.get(metric.name):
            return f"{metric.label} {metric.show(float(row[metric.name]))}"
    return ""


def _drawn(columns: Sequence[_Column], shape: tuple[int, int]) -> Image.Image:
    """Draw the columns side by side: title, upper picture, lower picture, caption."""
    factor = max(1, round(_CELL / max(shape)))
    height, width = shape[0] * factor, shape[1] * factor
    canvas = Image.new("RGBA", (len(columns) * (width + _GAP) - _GAP, 2 * height + _GAP + 2 * _LINE), (0, 0, 0, 0))
    draw = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(_FONT_SIZE)
    for number, column in enumerate(columns):
        left = number * (width + _GAP)
        draw.text((left, 0), column.title, _INK, font)
        _paste(canvas, column.top, (left, _LINE), factor, (width, height) if column.caption else None)
        _paste(canvas, column.bottom, (left, _LINE + height + _GAP), factor, None)
        draw.text((left, canvas.height - _LINE + 3), column.caption, _INK, font)
    return canvas


def _paste(
    canvas: Image.Image, pixels: np.ndarray | None, place: tuple[int, int], factor: int, empty: tuple[int, int] | None
) -> None:
    """Paste `pixels` enlarged without smoothing, or a pale box of the size `empty` where there are none."""
    if pixels is not None:
        canvas.paste(Image.fromarray(np.repeat(np.repeat(pixels, factor, 0), factor, 1)), place)
    elif empty is not None:
        canvas.paste(_EMPTY, (*place, place[0] + empty[0], place[1] + empty[1]))
