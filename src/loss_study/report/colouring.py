"""Targets, predictions and their errors as colours, the same in the report and in MLflow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps

from loss_study.data.packed import PackedSample

DEPTH_COLOURS = "viridis"
#: White where prediction and ground truth agree, red where the prediction is above it, blue where it is below.
ERROR_COLOURS = "RdBu_r"
#: The error, in units of the full range of the target, that has the strongest colour.
ERROR_RANGE = {"mask": 1.0, "depth": 0.2}

#: Okabe and Ito's colours, distinct with any colour vision; more classes take those of `_MANY` in turn.
_FEW = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#000000")
_MANY = "tab20"
WRONG = "#b2182b"
#: Stripes of two greys, at invalid pixels.
_STRIPES = ((112, 112, 112), (176, 176, 176))
_STRIPE = 2


@dataclass(frozen=True)
class Legend:
    """What the colours of one head's panels mean.

    Attributes:
        classes: names and colours of several classes; empty where there is one.
        invalid: whether some pixels have no ground truth.
    """

    classes: tuple[tuple[str, str], ...]
    invalid: bool

    @classmethod
    def of(cls, sample: PackedSample, head: str) -> Legend:
        """Return the legend of `head` in `sample`."""
        classes = classes_of(sample, head)
        named = zip(sample.class_names, class_colours(classes), strict=True) if classes > 1 else ()
        return cls(tuple(named), sample.valid(head) is not None)


def classes_of(sample: PackedSample, head: str) -> int:
    """Return the number of classes of `head`: of the mask those of the sample, of the depth 1."""
    return sample.classes if head == "mask" else 1


def class_colours(classes: int) -> list[str]:
    """Return a colour for each of several classes, ``#rrggbb``, by their number."""
    many = ["#{:02x}{:02x}{:02x}".format(*colormaps[_MANY](number, bytes=True)[:3]) for number in range(20)]
    colours = _FEW if classes <= len(_FEW) else many
    return [colours[number % len(colours)] for number in range(classes)]


def coloured(head: str, values: np.ndarray, classes: int = 1, valid: np.ndarray | None = None) -> np.ndarray:
    """Return a target or a prediction in colours, uint8 (H, W) to uint8 (H, W, 3).

    A mask of one class in grey, several classes in `class_colours`, a depth map in `DEPTH_COLOURS`; striped where
    `valid`, bool (H, W), is False.
    """
    return striped(_plain(head, values, classes), valid)


def error(
    head: str, prediction: np.ndarray, target: np.ndarray, classes: int = 1, valid: np.ndarray | None = None
) -> np.ndarray:
    """Return where the prediction is wrong, uint8 (H, W) each to uint8 (H, W, 3); striped as in `coloured`.

    In `ERROR_COLOURS`; with several classes, red where the class is wrong.
    """
    if classes > 1:
        image = np.where((prediction != target)[..., None], _rgb(WRONG), 255).astype(np.uint8)
    else:
        difference = (prediction.astype(np.float32) - target) / 255
        image = colormaps[ERROR_COLOURS](0.5 + 0.5 * difference / ERROR_RANGE[head], bytes=True)[..., :3]
    return striped(image, valid)


def scale(colours: str) -> str:
    """Return a colour map as a CSS gradient from its low end to its high end, for a legend."""
    stops = colormaps[colours](np.linspace(0, 1, 9), bytes=True)
    return f"linear-gradient(to right, {', '.join('#{:02x}{:02x}{:02x}'.format(*stop[:3]) for stop in stops)})"


def stripes() -> str:
    """Return the stripes of invalid pixels as a CSS gradient, for a legend."""
    dark, light = ("#{:02x}{:02x}{:02x}".format(*grey) for grey in _STRIPES)
    return f"repeating-linear-gradient(135deg, {dark} 0 3px, {light} 3px 6px)"


def _plain(head: str, values: np.ndarray, classes: int) -> np.ndarray:
    if classes > 1:
        return np.array([_rgb(colour) for colour in class_colours(classes)], dtype=np.uint8)[values]
    if head == "mask":
        return np.repeat(values[..., None], 3, axis=2)
    return colormaps[DEPTH_COLOURS](values, bytes=True)[..., :3]


def _rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour.removeprefix("#")))


def striped(image: np.ndarray, valid: np.ndarray | None) -> np.ndarray:
    """Return `image`, uint8 (H, W) or (H, W, 3), striped in grey where `valid` is False; None: all are valid."""
    if valid is None:
        return image
    image = np.broadcast_to(image.reshape(*valid.shape, -1), (*valid.shape, 3))
    row, column = np.indices(valid.shape)
    stripe = (row + column) // _STRIPE % 2
    return np.where(valid[..., None], image, np.array(_STRIPES, dtype=np.uint8)[stripe])
