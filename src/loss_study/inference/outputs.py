"""Predictions in the original size of their image, as files.

====== ============================================ =========================================================
format mask                                         depth
====== ============================================ =========================================================
png    8 bits: 0 and 255, or the number of a class  8 bits: 0 near to 255 far, coded or relative
png16  the same                                     16 bits: millimetres, 65535 also for all that is farther;
                                                    relative depth: 0 near to 65535 far
npy    float32 (H, W), or (classes, H, W):          float32 (H, W): metres, or relative in [0, 1]
       probabilities
====== ============================================ =========================================================
"""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from loss_study.data.depth_scale import DEPTH_STEPS, to_stored
from loss_study.inference.contract import Depth, Mask
from loss_study.runtime.files import write_bytes

Format = Literal["png", "png16", "npy"]
FORMATS: tuple[Format, ...] = ("png", "png16", "npy")
MILLIMETRES = 1000
#: Fast, for files that are hardly larger: of the depth of a photograph, see docs/decisions.md.
PNG = {"compress_level": 1, "compress_type": zlib.Z_RLE}


@dataclass(frozen=True)
class Prediction:
    """What a head predicts of one image, in its original size.

    Attributes:
        output: of the contract.
        values: float32 (C, H, W) in [0, 1]: probabilities of the classes, or depth, coded or relative.
    """

    output: Mask | Depth
    values: np.ndarray

    @classmethod
    def of(cls, output: Mask | Depth, values_CHW: np.ndarray, width: int, height: int) -> Prediction:
        """Return the model's output for one image, enlarged or shrunk to `width` and `height`, bilinearly.

        Classes are chosen afterwards, so that outlines are smooth; coded depth is linear in inverse depth.
        """
        values_CHW = values_CHW.astype(np.float32, copy=False)
        if values_CHW.shape[1:] != (height, width):
            planes = [Image.fromarray(plane) for plane in values_CHW]
            values_CHW = np.stack([np.asarray(plane.resize((width, height), _BILINEAR)) for plane in planes])
        return cls(output, values_CHW)

    @property
    def classes(self) -> np.ndarray:
        """Of a mask the class of each pixel, uint8 (H, W); of one class 1 in the foreground, else 0."""
        assert isinstance(self.output, Mask)
        if self.output.threshold is None:
            return self.values.argmax(axis=0).astype(np.uint8)
        return (self.values[0] > self.output.threshold).astype(np.uint8)

    @property
    def depth(self) -> np.ndarray:
        """The depth in the unit of the output, float32 (H, W): metres, or relative in [0, 1]."""
        assert isinstance(self.output, Depth)
        scale = self.output.scale
        return self.values[0] if scale is None else scale.decode(self.values[0])

    def shares(self) -> dict[str, float]:
        """Return of a mask the share of the pixels of each class, by its name; of one class the foreground's."""
        assert isinstance(self.output, Mask)
        count = np.bincount(self.classes.ravel(), minlength=max(2, self.output.classes))
        counted = count[1:2] if self.output.classes == 1 else count
        return {n: float(c / self.classes.size) for n, c in zip(self.output.class_names, counted, strict=True)}


_BILINEAR = Image.Resampling.BILINEAR


def write(prediction: Prediction, folder: Path, name: Path, head: str, format_: Format) -> Path:
    """Write a prediction to ``<folder>/<name>.<head>.png`` or ``.npy``, in a folder that is there; return that path."""
    path = folder / name.with_name(f"{name.name}.{head}.{'npy' if format_ == 'npy' else 'png'}")
    content = io.BytesIO()
    if format_ == "npy":
        np.save(content, _numbers(prediction))
    else:
        Image.fromarray(_pixels(prediction, format_)).save(content, "png", **PNG)
    write_bytes(path, content.getbuffer())
    return path


def _numbers(prediction: Prediction) -> np.ndarray:
    if isinstance(prediction.output, Depth):
        return prediction.depth.astype(np.float32)
    return prediction.values[0] if prediction.output.classes == 1 else prediction.values


def _pixels(prediction: Prediction, format_: Format) -> np.ndarray:
    if isinstance(prediction.output, Mask):
        return prediction.classes * np.uint8(255) if prediction.output.classes == 1 else prediction.classes
    if format_ == "png":
        return np.rint(prediction.values[0].clip(0, 1) * 255).astype(np.uint8)
    if prediction.output.scale is None:
        return to_stored(prediction.values[0].clip(0, 1))
    return np.rint(prediction.depth * MILLIMETRES).clip(0, DEPTH_STEPS).astype(np.uint16)
