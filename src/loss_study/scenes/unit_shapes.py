"""The unit shapes of solids: where rays meet them, and what their surfaces are like.

"ball" has radius 1; "box" goes from -1 to 1; "frustum" stands about y from -1 to 1, of radius 1 at the bottom and
`taper` at the top (1 is a cylinder, 0 a cone). Rays and points are (3, n), what is said of each of them is (n,).
"""

from __future__ import annotations

import numpy as np

BALL, BOX, FRUSTUM = "ball", "box", "frustum"
FAR = np.float32(np.inf)


def cross(shape: str, start: np.ndarray, rays: np.ndarray, taper: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where `rays` from `start` enter and leave `shape`, in lengths of the ray; one that misses leaves first."""
    if shape == BALL:
        return _cross_quadric(_dot(rays, rays), _dot(start, rays), _dot(start, start) - 1)
    if shape == BOX:
        return _cross_slabs(start, rays)
    return _cross_frustum(start, rays, taper)


def pass_ball(start: np.ndarray, rays: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where `rays` from `start` are closest to the ball's centre, and by what they miss the ball there."""
    squared = _dot(rays, rays)
    along = -_dot(start, rays) / squared
    return along, np.sqrt(np.maximum(_dot(start, start) - along * along * squared, 0)) - 1


def outward(shape: str, points: np.ndarray, taper: np.ndarray) -> np.ndarray:
    """Return vectors of any length that point away from the surface of `shape` at `points`."""
    if shape == BALL:
        return points
    if shape == BOX:
        axis, columns = np.abs(points).argmax(axis=0), np.arange(points.shape[1])
        found = np.zeros_like(points)
        found[axis, columns] = np.sign(points[axis, columns])
        return found
    slope, middle = _mantle(taper)
    found = points.copy()
    found[1] = -slope * (middle + slope * points[1])
    cap = _on_cap(points)
    found[:, cap] = 0
    found[1, cap] = np.sign(points[1, cap])
    return found


def unrolled(shape: str, points: np.ndarray, half: np.ndarray, around: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return coordinates u, v in metres of `points` on the surface of `shape`, stretched by `half` (3, n).

    A ball and a mantle have the circumference `around`.
    """
    x, y, z = points * half
    if shape == BOX:
        axis = np.abs(points).argmax(axis=0)
        return np.where(axis == 0, z, x), np.where(axis == 1, z, y)
    u = np.arctan2(points[0], points[2]) * np.float32(1 / (2 * np.pi)) * around
    if shape == BALL:
        return u, y
    cap = _on_cap(points)
    return np.where(cap, x, u), np.where(cap, z, y)


def _dot(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return (first * second).sum(axis=0)


def _cross_quadric(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Roots of a t^2 + 2 b t + c, a > 0; without any, entry lies behind exit, the more so the wider the miss."""
    discriminant = b * b - a * c
    root = np.copysign(np.sqrt(np.abs(discriminant)), discriminant)
    return (-b - root) / a, (-b + root) / a


def _cross_slabs(start: np.ndarray, rays: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    inverse = 1 / np.where(np.abs(rays) < 1e-6, np.float32(1e-6), rays)
    middle, extent = -start * inverse, np.abs(inverse)
    return (middle - extent).max(axis=0), (middle + extent).min(axis=0)


def _cross_frustum(start: np.ndarray, rays: np.ndarray, taper: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    slope, middle = _mantle(taper)
    radius, growth = middle + slope * start[1], slope * rays[1]
    a = rays[0] ** 2 + rays[2] ** 2 - growth**2
    a = np.where(np.abs(a) < 1e-7, np.float32(1e-7), a)
    b = start[0] * rays[0] + start[2] * rays[2] - radius * growth
    c = start[0] ** 2 + start[2] ** 2 - radius**2
    enter, leave = _cross_quadric(a, b, c)
    # A ray steeper than the mantle is inside from one root on (widening) or up to one (narrowing).
    steep, widens = a < 0, growth > 0
    first, last = np.minimum(enter, leave), np.maximum(enter, leave)
    enter = np.where(steep, np.where(widens, last, -FAR), enter)
    leave = np.where(steep, np.where(widens, FAR, first), leave)
    bottom, top = _cross_slabs(start[1:2], rays[1:2])
    return np.maximum(enter, bottom), np.minimum(leave, top)


def _mantle(taper: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return by what the radius of a frustum grows for each length upwards, and its radius in the middle."""
    return ((taper - 1) / 2).astype(np.float32), ((taper + 1) / 2).astype(np.float32)


def _on_cap(points: np.ndarray) -> np.ndarray:
    return np.abs(points[1]) > 0.999
