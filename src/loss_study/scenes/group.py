"""The solids of a scene together: where rays meet them, and what light they keep away.

A solid has so few rays in an image that calling numpy takes longer than its arithmetic. So the arrays of all solids
stand side by side in one; only matrices are multiplied for one solid after the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, groupby, pairwise

import numpy as np

from loss_study.scenes import unit_shapes
from loss_study.scenes.solids import Solid

#: Arrays of several solids by their numbers; the last axis is that of a solid's rays or points.
BySolid = dict[int, np.ndarray]


class Group:
    """Solids, by number: `centre` (k, 3) and `radius` (k,) as in `Solid`, `mean_radius` of a ball about as large.

    `casting` are the numbers of those that cast shadows.
    """

    def __init__(self, solids: Sequence[Solid]) -> None:
        self.centre = np.array([solid.centre for solid in solids]).reshape(-1, 3)
        self.radius = np.array([solid.radius for solid in solids])
        self.casting = [number for number, solid in enumerate(solids) if solid.casts]
        self._half = np.array([solid.half for solid in solids]).reshape(-1, 3)
        self._volume = self._half.prod(axis=1).tolist()
        self.mean_radius = [volume ** (1 / 3) for volume in self._volume]
        self._shape = [solid.shape for solid in solids]
        self._taper = np.array([solid.taper for solid in solids])
        turn = np.array([solid.turn for solid in solids]).reshape(-1, 3, 3)
        # From directions in the world to those of the unit shapes.
        self._to_local = (turn.transpose(0, 2, 1) / self._half[:, :, None]).astype(np.float32)
        # A whole number of tiles, so that no seam shows.
        tile = np.array([solid.skin.tile for solid in solids])
        self._around = np.maximum(1, np.round(2 * np.pi * self._half[:, 0] / tile)) * tile

    def meet(self, origin: np.ndarray, rays: BySolid) -> BySolid:
        """Return the depths (n,) where `rays` (3, n) from `origin` (3,) enter each solid; infinite where they miss."""
        columns = _Columns(self._shape, rays)
        start = columns.repeated(self._turned((origin - self.centre).astype(np.float32)))
        local = columns.joined({number: self._to_local[number] @ rays[number] for number in rays})
        taper = columns.repeated(self._taper)
        enter, leave = np.empty_like(local[:2])
        for shape, part in columns.shapes():
            enter[part], leave[part] = unit_shapes.cross(shape, start[:, part], local[:, part], taper[part])
        return columns.split(np.where((enter < leave) & (enter > 0), enter, unit_shapes.FAR))

    def surface(self, points: BySolid) -> tuple[BySolid, BySolid, BySolid]:
        """Return unit normals (3, n) and texture coordinates u, v (n,), in metres, of `points` (3, n) on surfaces."""
        columns = _Columns(self._shape, points)
        local, taper = self._local(columns, points), columns.repeated(self._taper)
        half, around = (columns.repeated(sizes.astype(np.float32)) for sizes in (self._half, self._around))
        outward, u, v = np.empty_like(local), *np.empty_like(local[:2])
        for shape, part in columns.shapes():
            outward[:, part] = unit_shapes.outward(shape, local[:, part], taper[part])
            u[part], v[part] = unit_shapes.unrolled(shape, local[:, part], half[:, part], around[part])
        away = columns.split(outward)
        normal = columns.joined({number: self._to_local[number].T @ away[number] for number in points})
        normal /= np.sqrt((normal * normal).sum(axis=0))
        return columns.split(normal), columns.split(u), columns.split(v)

    def light_past(self, points: BySolid, towards: np.ndarray, penumbra: float) -> BySolid:
        """Return the share of light (n,) that each solid lets through to `points` (3, n) from the direction `towards`.

        `penumbra` is the light's angular radius. The edge is a smooth step in the distance by which the ray misses
        the ball, or in the length of its way through the other shapes: close to the true shadow, far cheaper.
        """
        columns = _Columns(self._shape, points)
        start, taper = self._local(columns, points), columns.repeated(self._taper)
        ray = columns.repeated(self._turned(np.broadcast_to(towards, self.centre.shape)))
        mean_half = columns.repeated(self._half.mean(axis=1).astype(np.float32))
        inside, distance = np.empty_like(start[:2])
        for shape, part in columns.shapes():
            if shape == unit_shapes.BALL:
                distance[part], miss = unit_shapes.pass_ball(start[:, part], ray[:, part])
                inside[part] = -miss * mean_half[part]
            else:
                enter, leave = unit_shapes.cross(shape, start[:, part], ray[:, part], taper[part])
                inside[part] = (leave - np.maximum(enter, 0)) * np.float32(0.5)
                distance[part] = np.where(leave > 0, np.maximum(enter, 0), -1)
        width = np.float32(penumbra) * np.maximum(distance, 0) + np.float32(0.01)
        step = np.clip(inside / width * np.float32(0.5) + np.float32(0.5), 0, 1)
        covered = step * step * (3 - 2 * step)
        return columns.split(np.where(distance > 0, 1 - covered, 1))

    def sky_past(self, points: BySolid, normals: BySolid) -> BySolid:
        """Return the share of skylight (n,) that each solid leaves at `points` (3, n), as if it were a ball."""
        columns = _Columns(self._shape, points)
        towards = columns.repeated(self.centre.astype(np.float32)) - columns.joined(points)
        squared = (towards * towards).sum(axis=0) + np.float32(1e-6)
        facing = np.clip((towards * columns.joined(normals)).sum(axis=0) / np.sqrt(squared), 0, 1)
        area = columns.repeated(np.array([volume ** (2 / 3) for volume in self._volume], dtype=np.float32))
        return columns.split(1 - np.float32(0.85) * facing * np.minimum(area / squared, 1))

    def _turned(self, vectors: np.ndarray) -> np.ndarray:
        """Return `vectors` (k, 3), one for each solid, in the directions of its unit shape."""
        return (self._to_local @ vectors[:, :, None])[:, :, 0]

    def _local(self, columns: _Columns, points: BySolid) -> np.ndarray:
        """Return `points` where they are for the unit shapes."""
        centre = self.centre.astype(np.float32)[:, :, None]
        return columns.joined({number: self._to_local[number] @ (points[number] - centre[number]) for number in points})


class _Columns:
    """Which columns of one array are those of each solid; solids of one shape stand side by side."""

    def __init__(self, shape: Sequence[str], arrays: BySolid) -> None:
        numbers = sorted(arrays, key=shape.__getitem__)
        lengths = [arrays[number].shape[-1] for number in numbers]
        self._solid = np.repeat(np.array(numbers, dtype=np.intp), lengths)
        stops = [0, *accumulate(lengths)]
        self._parts = {number: slice(*ends) for number, ends in zip(numbers, pairwise(stops), strict=True)}
        self._shape = shape

    def shapes(self) -> Iterator[tuple[str, slice]]:
        """Yield every shape that there is, with the columns of its solids."""
        for shape, numbers in groupby(self._parts, key=self._shape.__getitem__):
            parts = [self._parts[number] for number in numbers]
            yield shape, slice(parts[0].start, parts[-1].stop)

    def joined(self, arrays: BySolid) -> np.ndarray:
        """Return the arrays (3, n) of all solids side by side."""
        return np.concatenate([np.empty((3, 0), np.float32), *(arrays[number] for number in self._parts)], axis=1)

    def repeated(self, values: np.ndarray) -> np.ndarray:
        """Return the values of each solid, (k,) or (k, 3), in each of its columns: (n,) or (3, n)."""
        return values.T.take(self._solid, axis=-1)

    def split(self, array: np.ndarray) -> BySolid:
        """Return what stands in each solid's columns of `array`."""
        return {number: array[..., part] for number, part in self._parts.items()}
