"""What stands behind everything: the ground, upright walls and horizons, the sky."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from loss_study.scenes import textures
from loss_study.scenes.camera import Camera
from loss_study.scenes.solids import Skin
from loss_study.scenes.textures import Texture


@dataclass
class Surfaces:
    """What each ray of a camera meets first: arrays (n,), and (3, n) for normals.

    `owner` is the number of what is met: the solids first, then the walls, then the ground. `u`, `v` are the place on
    its skin and `footprint` the width of a sample there, in metres. Where nothing is met, `owner` is -1, `depth` is
    infinite, and the others have no meaning.
    """

    depth: np.ndarray
    normal: np.ndarray
    owner: np.ndarray
    u: np.ndarray
    v: np.ndarray
    footprint: np.ndarray

    def put(
        self,
        where: np.ndarray,
        depth: np.ndarray,
        normal: np.ndarray,
        owner: int | np.ndarray,
        u: np.ndarray,
        v: np.ndarray,
        footprint: np.ndarray,
    ) -> None:
        """Write what the rays numbered `where` meet."""
        self.depth[where] = depth
        self.normal[:, where] = normal
        self.owner[where] = owner
        self.u[where] = u
        self.v[where] = v
        self.footprint[where] = footprint


@dataclass(frozen=True)
class Ground:
    """The plane y = 0."""

    skin: Skin

    def surfaces(self, camera: Camera, rays: np.ndarray, spacing: float, owner: int, farthest: float) -> Surfaces:
        """Return what `rays` (3, n) meet up to the depth `farthest`, where there is nothing else yet."""
        down = -rays[1]
        depth = np.float32(camera.position[1]) / np.maximum(down, np.float32(1e-6))
        met = depth < farthest
        x, z = (np.float32(camera.position[axis]) + depth * rays[axis] for axis in (0, 2))
        return Surfaces(
            depth=np.where(met, depth, np.float32(np.inf)),
            normal=np.repeat(np.array([[0], [1], [0]], dtype=np.float32), len(depth), axis=1),
            owner=np.where(met, owner, -1),
            u=x,
            v=z,
            # Seen at a slant a sample is longer than wide: the geometric mean of both.
            footprint=depth * np.float32(spacing) / np.sqrt(np.maximum(down, np.float32(0.02))),
        )


@dataclass(frozen=True)
class Wall:
    """An upright plane at `distance` metres from the origin, its far side `yaw` radians right of the z axis.

    `tops` are heights in metres at equal steps over `period` metres along it, repeated: (n,); one is a level top.
    """

    yaw: float
    distance: float
    skin: Skin
    tops: np.ndarray
    period: float = 1.0

    @cached_property
    def behind(self) -> np.ndarray:
        """Unit direction (3,) through the wall, away from the camera."""
        return np.array([np.sin(self.yaw), 0, np.cos(self.yaw)], dtype=np.float32)

    @cached_property
    def along(self) -> np.ndarray:
        """Unit direction (3,) along the wall, to the right."""
        return np.array([np.cos(self.yaw), 0, -np.sin(self.yaw)], dtype=np.float32)

    def clears(self, x: float, z: float, radius: float) -> bool:
        """Say whether something round at (`x`, `z`) on the ground stands wholly in front of the wall."""
        return bool(x * self.behind[0] + z * self.behind[2] < self.distance - radius)

    def draw(self, camera: Camera, rays: np.ndarray, spacing: float, surfaces: Surfaces, owner: int) -> None:
        """Draw what of it lies in front of what is there."""
        room = np.float32(self.distance - camera.position @ self.behind)
        towards = self.behind @ rays
        depth = room / np.maximum(towards, np.float32(1e-6))
        y = np.float32(camera.position[1]) + depth * rays[1]
        near = (depth < surfaces.depth) & (y < self.tops.max())
        where = np.flatnonzero(near)
        depth, y = depth[where], y[where]
        u = np.float32(camera.position @ self.along) + depth * (self.along @ rays[:, where])
        if len(self.tops) > 1:
            steps = np.arange(len(self.tops)) * (self.period / len(self.tops))
            below = y < np.interp(u, steps, self.tops, period=self.period)
            where, depth, y, u = where[below], depth[below], y[below], u[below]
        surfaces.put(where, depth, -self.behind[:, None], owner, u, y, depth * np.float32(spacing))


@dataclass(frozen=True)
class Sky:
    """A gradient from `horizon` to `zenith` (linear RGB) with clouds of share `cover`."""

    horizon: np.ndarray
    zenith: np.ndarray
    clouds: Texture
    cover: float

    def colour(self, rays: np.ndarray, spacing: float) -> np.ndarray:
        """Return linear RGB (3, n) in the directions `rays` (3, n)."""
        length = np.sqrt((rays * rays).sum(axis=0))
        height = np.clip(rays[1] / length, np.float32(0.004), 1)
        share = np.sqrt(height)
        colour = self.horizon[:, None] * (1 - share) + self.zenith[:, None] * share
        # Clouds float on a plane: they crowd towards the horizon, where they fade.
        stretch = np.float32(0.12) / (height * length)
        footprint = stretch * np.float32(spacing) / height
        density = textures.sample(
            [self.clouds], np.zeros(len(height), int), rays[0] * stretch, rays[2] * stretch, footprint
        )[0]
        cloud = np.clip((density - np.float32(1 - self.cover)) * 3, 0, 1) * np.clip(height * 6, 0, 1)
        white = (self.horizon * 0.35 + 0.75)[:, None]
        return colour * (1 - cloud) + white * cloud
