"""What stored depth means: 16 bits stand for a value in [0, 1], and where the distance is known, that for metres."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

#: The stored value of depth 1.
DEPTH_STEPS = 0xFFFF
#: Decoded depths are at least this far, so that every one can be divided by.
NEAREST_M = 0.001

Depths = TypeVar("Depths", np.ndarray, "Tensor")


@dataclass(frozen=True)
class DepthScale:
    """Metres z are coded as z / (z + `halfway_m`): 0 is the camera, 0.5 is `halfway_m` away, 1 infinitely far.

    The code is linear in 1 / (z + `halfway_m`), much like inverse depth, but finite at the camera. Depth is known up to
    `farthest_m`: whatever is farther is coded as if it were there.
    """

    halfway_m: float
    farthest_m: float

    @property
    def farthest(self) -> float:
        """The code of `farthest_m`, the largest there is."""
        return self.farthest_m / (self.farthest_m + self.halfway_m)

    def encode(self, depth_m: np.ndarray) -> np.ndarray:
        """Return metres as codes in [0, 1], float64."""
        near = np.minimum(depth_m, self.farthest_m).astype(np.float64)
        return near / (near + self.halfway_m)

    def decode(self, code: Depths) -> Depths:
        """Return codes in [0, 1] as metres, at least `NEAREST_M` and at most `farthest_m`."""
        least = NEAREST_M / (NEAREST_M + self.halfway_m)
        code = code.clip(least, self.farthest)
        return self.halfway_m * code / (1 - code)


@runtime_checkable
class HasDepthScale(Protocol):
    """A dataset whose depth is a distance in metres."""

    depth_scale: DepthScale


def eight_bits(target: np.ndarray) -> np.ndarray:
    """Return stored depth, uint16, as uint8 for showing it; a mask, uint8, as it is."""
    return np.rint(target / 257).astype(np.uint8) if target.dtype == np.uint16 else target


def widened(depth: np.ndarray) -> np.ndarray:
    """Return depth of 8 bits, uint8, with 16 bits and without loss: 255 becomes 65535; uint16 as it is."""
    return depth.astype(np.uint16) * 257 if depth.dtype == np.uint8 else depth


def to_stored(depth: np.ndarray) -> np.ndarray:
    """Return depth in [0, 1] as it is stored, uint16."""
    return np.rint(DEPTH_STEPS * np.asarray(depth, np.float64)).astype(np.uint16)
