"""What a model takes and gives: the part of ``model.json`` that a prediction needs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from loss_study.data.depth_scale import DepthScale
from loss_study.heads import HEADS
from loss_study.runtime.errors import StudyError
from loss_study.runtime.printable import printable

#: The largest side of a model's squares, in pixels.
MOST_PIXELS = 4096
#: Masks are written with 8 bits.
MOST_CLASSES = 256
#: Of ``model.json``.
FORMAT = 1


@dataclass(frozen=True)
class Input:
    """The array that a model takes: float32 (N, `channels`, H, W) in [0, 1], RGB; with a background its RGB first.

    Attributes:
        channels: 6 with a background image, else 3.
        size: side in pixels of the squares that it was trained on, to which images are stretched.
        stride: H and W are multiples of it.
        image_range: the values that become 0 and 1 in images of more than 8 bits; None: such images are refused.
    """

    channels: int
    size: int
    stride: int
    image_range: tuple[float, float] | None = None

    @property
    def needs_background(self) -> bool:
        """Whether every image needs the image of its background."""
        return self.channels == 6


@dataclass(frozen=True)
class Mask:
    """Probabilities of `classes` classes, float32 (N, classes, H, W).

    One class is foreground above `threshold`, which was chosen on validation images; several exclude each other, and
    the most probable one is taken.
    """

    classes: int
    class_names: tuple[str, ...]
    threshold: float | None


@dataclass(frozen=True)
class Depth:
    """Depth in [0, 1], float32 (N, 1, H, W): with a `scale` coded metres, see `DepthScale`, else relative, 0 near."""

    scale: DepthScale | None

    @property
    def unit(self) -> str:
        """``m`` where metres are known, else ``relative``."""
        return "m" if self.scale else "relative"


@dataclass(frozen=True)
class Contract:
    """What a model takes, and what it gives for each of its heads, in the order of the outputs."""

    input: Input
    outputs: Mapping[str, Mask | Depth]

    def as_json(self) -> dict[str, Any]:
        """Return the values of the keys ``input`` and ``outputs`` of ``model.json``."""
        given = {"value_range": [0, 1], "type": "float32", "layout": "NCHW", "background": self.input.needs_background}
        return {
            "input": {**asdict(self.input), **given},
            "outputs": {head: _output_as_json(output) for head, output in self.outputs.items()},
        }

    @classmethod
    def of(cls, values: Mapping[str, Any], where: str) -> Contract:
        """Return what ``model.json`` says; `where` is the file's path, for errors.

        Raises:
            StudyError: another format, or values that are missing, of a wrong type or out of range.
        """
        if values.get("format") != FORMAT:
            raise StudyError(
                f"{where}: has format {values.get('format')!r}, but format {FORMAT} is needed; "
                "predict with the version of Loss Study that it names under versions"
            )
        try:
            taken = _input(values["input"])
            outputs = {head: _output(head, one) for head, one in values["outputs"].items()}
            _require(bool(outputs), "no outputs")
            return cls(taken, outputs)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
            reason = printable(f"{type(error).__name__}: {error}")[:200]
            raise StudyError(f"{where}: damaged ({reason}); write the model again") from None


def _input(values: Mapping[str, Any]) -> Input:
    limits = values["image_range"]
    image_range = None if limits is None else (float(limits[0]), float(limits[1]))
    taken = Input(int(values["channels"]), int(values["size"]), int(values["stride"]), image_range)
    _require(taken.channels in (3, 6), f"channels: {taken.channels}")
    _require(0 < taken.stride <= taken.size <= MOST_PIXELS, f"size: {taken.size}, stride: {taken.stride}")
    _require(image_range is None or -math.inf < image_range[0] < image_range[1] < math.inf, "image_range")
    return taken


def _output(head: str, values: Mapping[str, Any]) -> Mask | Depth:
    _require(head in HEADS, f"output {head}")
    if head == "mask":
        return _mask(values)
    if values["unit"] != "m":
        return Depth(None)
    scale = DepthScale(float(values["halfway_m"]), float(values["farthest_m"]))
    _require(0 < scale.halfway_m < math.inf and 0 < scale.farthest_m < math.inf, "metres")
    return Depth(scale)


def _mask(values: Mapping[str, Any]) -> Mask:
    threshold = values["threshold"]
    # A terminal would obey control characters.
    names = tuple(printable(str(name)) for name in values["class_names"])
    found = Mask(int(values["classes"]), names, None if threshold is None else float(threshold))
    _require(0 < found.classes <= MOST_CLASSES and len(names) == found.classes, f"classes: {found.classes}")
    _require((found.classes == 1) == (found.threshold is not None), "threshold")
    _require(found.threshold is None or 0 <= found.threshold <= 1, f"threshold: {found.threshold}")
    return found


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(what)


def _output_as_json(output: Mask | Depth) -> dict[str, Any]:
    if isinstance(output, Mask):
        return asdict(output)
    return {"unit": output.unit, **(asdict(output.scale) if output.scale else {})}
