"""Panels: the same test picture for all losses in a row, with the truth, the predictions and their errors."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from PIL import Image, ImageDraw, ImageFont

from loss_study.data.packed import PackedSample
from loss_study.metrics import HEADLINE
from loss_study.report.labels import shown
from loss_study.report.ranking import Ranking
from loss_study.report.results import Result, rows

DEPTH_COLOURS = "viridis"
#: White where prediction and truth agree, red where the prediction is above the truth, blue where it is below.
ERROR_COLOURS = "RdBu_r"
#: The error, in units of the full range of the target, that has the strongest colour.
ERROR_RANGE = {"mask": 1.0, "depth": 0.2}

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


def scale(colours: str) -> str:
    """Return a colour map as a CSS gradient from its low end to its high end, for a legend."""
    stops = colormaps[colours](np.linspace(0, 1, 9), bytes=True)
    return f"linear-gradient(to right, {', '.join('#{:02x}{:02x}{:02x}'.format(*stop[:3]) for stop in stops)})"


def _with_predictions(results: Sequence[Result]) -> Result:
    return next((result for result in results if result.panel), results[0])


def _shot(result: Result, number: int) -> Shot:
    path = result.trial.eval_dir / "predictions.npy"
    if number >= len(result.panel) or not path.is_file():
        return Shot(result, None)
    return Shot(result, np.load(path, mmap_mode="r", allow_pickle=False)[number])


def panel(head: str, name: str, picture: int, shots: Sequence[Shot], sample: PackedSample) -> Panel:
    """Return the panel `name` of the sample's picture number `picture`, with a column for each of `shots`."""
    truth = np.asarray(sample.targets(head)[picture])
    columns = [_Column("picture", np.asarray(sample.pictures[picture]))]
    if sample.backgrounds is not None:
        columns.append(_Column("background", np.asarray(sample.backgrounds[sample.background_rows[picture]])))
    columns.append(_Column("truth", _coloured(head, truth)))
    identity = sample.index[picture]["id"]
    columns += [_loss_column(head, identity, truth, shot) for shot in shots]
    alt = f"{head} of test picture {identity}: {', '.join(column.title for column in columns)}; below, the errors"
    canvas = _drawn(columns, truth.shape)
    file = io.BytesIO()
    canvas.save(file, "PNG")
    return Panel(head, name, identity, file.getvalue(), canvas.width, alt)


def _loss_column(head: str, identity: str, truth: np.ndarray, shot: Shot) -> _Column:
    result, prediction = shot.result, shot.prediction
    if prediction is None:
        return _Column(result.trial.loss, None, None, result.status)
    caption = result.verdict or _score(head, identity, result)
    return _Column(result.trial.loss, _coloured(head, prediction), _error(head, prediction, truth), caption)


def _score(head: str, identity: str, result: Result) -> str:
    metric = shown(HEADLINE[head])
    for row in rows(result.trial.eval_dir / "per_image.csv"):
        if row["id"] == identity and row.get(metric.name):
            return f"{metric.label} {metric.show(float(row[metric.name]))}"
    return ""


def _coloured(head: str, target: np.ndarray) -> np.ndarray:
    """A mask in grey, a depth map in `DEPTH_COLOURS`; uint8 (H, W) to uint8 (H, W, 3)."""
    if head == "mask":
        return np.repeat(target[..., None], 3, axis=2)
    return colormaps[DEPTH_COLOURS](target, bytes=True)[..., :3]


def _error(head: str, prediction: np.ndarray, truth: np.ndarray) -> np.ndarray:
    difference = (prediction.astype(np.float32) - truth) / 255
    return colormaps[ERROR_COLOURS](0.5 + 0.5 * difference / ERROR_RANGE[head], bytes=True)[..., :3]


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
