"""A pinhole camera and what it can see of a ball."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

#: Rows and columns of an image.
Window = tuple[slice, slice]
#: The centre as `Camera.seen` returns it, and the radius.
Ball = tuple[list[float], float]

NEAREST = 0.05


@dataclass(frozen=True)
class Camera:
    """`position` (3,) in metres; `axes` (3, 3), rows right, up, forward; `focal` in half sides of the image."""

    position: np.ndarray
    axes: np.ndarray
    focal: float

    @classmethod
    def aimed(cls, position: np.ndarray, yaw: float, pitch: float, roll: float, focal: float) -> Camera:
        """Aim along z, then roll, pitch (up is positive) and yaw (right is positive), in radians."""
        cy, sy, cp, sp, cr, sr = (f(angle) for angle in (yaw, pitch, roll) for f in (np.cos, np.sin))
        yawed = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
        pitched = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
        rolled = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
        axes = (yawed @ pitched @ rolled).T
        return cls(np.asarray(position, dtype=np.float32), axes.astype(np.float32), focal)

    def rays(self, side: int) -> np.ndarray:
        """Return the rays (3, side, side) whose forward component is 1, so that position + z * ray lies at depth z."""
        line = ((np.arange(side, dtype=np.float32) + 0.5) * (2 / side) - 1) / np.float32(self.focal)
        right, up, forward = self.axes[:, :, None, None]
        return right * line - up * line[:, None] + forward

    def spacing(self, side: int) -> float:
        """Distance of neighbouring rays at depth 1, in metres."""
        return 2 / (side * self.focal)

    def seen(self, points: np.ndarray) -> np.ndarray:
        """Return how far to the right, up and forward of the camera `points` (k, 3) are: (k, 3), in metres."""
        return (self.axes @ (points - self.position)[:, :, None])[:, :, 0]

    def project(self, point: np.ndarray) -> np.ndarray:
        """Return x (right), y (up), both -1 to 1 in the image, and the depth z of a `point` (3,)."""
        x, y, z = self.seen(point[None])[0]
        return np.array([self.focal * x / z, self.focal * y / z, z])

    def windows(self, side: int, balls: Mapping[int, Sequence[Ball]]) -> dict[int, Window]:
        """Return a window for each number that holds the hull of its balls; those out of view are left out."""
        found = ((number, self._window(side, hull)) for number, hull in balls.items())
        return {number: window for number, window in found if window is not None}

    def _window(self, side: int, balls: Sequence[Ball]) -> Window | None:
        left = top = 1.0
        right = bottom = -1.0
        for (x, y, z), radius in balls:
            front, back = z - radius, z + radius
            if back <= NEAREST:
                continue
            if front <= NEAREST:
                return slice(0, side), slice(0, side)
            x_low, x_high = self._bounds(x, radius, front, back)
            y_low, y_high = self._bounds(-y, radius, front, back)
            left, right = min(left, x_low), max(right, x_high)
            top, bottom = min(top, y_low), max(bottom, y_high)
        half = side / 2
        first_row, last_row = max(0, math.floor((top + 1) * half)), min(side, math.ceil((bottom + 1) * half))
        first_column, last_column = max(0, math.floor((left + 1) * half)), min(side, math.ceil((right + 1) * half))
        if first_row >= last_row or first_column >= last_column:
            return None
        return slice(first_row, last_row), slice(first_column, last_column)

    def _bounds(self, middle: float, radius: float, front: float, back: float) -> tuple[float, float]:
        """Bounds in the image, along one axis, of the box about a ball."""
        low, high = middle - radius, middle + radius
        return self.focal * low / (front if low < 0 else back), self.focal * high / (front if high > 0 else back)
