"""From a scene to the arrays of an example."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loss_study.scenes.camera import Camera
from loss_study.scenes.ground_and_sky import Ground, Sky, Surfaces, Wall
from loss_study.scenes.group import BySolid, Group
from loss_study.scenes.light import Light, shade
from loss_study.scenes.solids import Skin, Solid

#: Rays per pixel and axis; the lower median below is written for 2.
RAYS = 2
#: Where the ground ends and the sky is taken to be, in metres.
FARTHEST_M = 80.0


@dataclass(frozen=True)
class Lens:
    """The camera's own traits: `exposure`, colour `gains` (3,), `noise` of the sensor, `falloff` to the corners."""

    exposure: float
    gains: np.ndarray
    noise: float
    falloff: float


@dataclass(frozen=True)
class Scene:
    """All that is in an image; of `solids`, the last `foreground` ones are the object."""

    camera: Camera
    lens: Lens
    light: Light
    ground: Ground
    walls: Sequence[Wall]
    sky: Sky
    solids: Sequence[Solid]
    foreground: int

    @property
    def skins(self) -> list[Skin]:
        """Return the skins of all that `Surfaces.owner` numbers."""
        return [*(solid.skin for solid in self.solids), *(wall.skin for wall in self.walls), self.ground.skin]


def render(scene: Scene, size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw `scene`; `rng` makes the sensor's noise.

    Returns:
        Image (size, size, 3) RGB and mask (size, size), uint8, and depth (size, size) in metres, float32. The mask is
        the share of the pixel's rays that meet the object. A depth is never averaged over an edge: it is the lower
        median of the pixel's rays, so it belongs to the object where at least half of them meet it. The sky's is
        `FARTHEST_M`.
    """
    side = size * RAYS
    camera, group = scene.camera, Group(scene.solids)
    rays = camera.rays(side)
    surfaces = trace(scene, group, rays)
    radiance = shade(surfaces, scene.skins, camera, rays, group, scene.light)
    void = np.flatnonzero(surfaces.owner < 0)
    if len(void):
        radiance[:, void] = scene.sky.colour(rays.reshape(3, -1)[:, void], camera.spacing(side))
    image = develop(_pool(radiance.reshape(3, side, side)), scene.lens, rng)
    first = len(scene.solids) - scene.foreground
    in_front = (surfaces.owner >= first) & (surfaces.owner < len(scene.solids))
    mask = _pool(in_front.astype(np.float32).reshape(1, side, side))[0]
    depth_m = np.minimum(_lower_median(surfaces.depth.reshape(side, side)), np.float32(FARTHEST_M))
    return image, _to_bytes(mask), depth_m


def trace(scene: Scene, group: Group, rays: np.ndarray) -> Surfaces:
    """Return what square `rays` (3, side, side) meet first in `scene`, whose solids are `group`."""
    camera, side = scene.camera, rays.shape[1]
    flat, spacing, solids = rays.reshape(3, -1), camera.spacing(side), len(scene.solids)
    surfaces = scene.ground.surfaces(camera, flat, spacing, solids + len(scene.walls), FARTHEST_M)
    for owner, wall in enumerate(scene.walls, solids):
        wall.draw(camera, flat, spacing, surfaces, owner)
    _draw_solids(group, camera, rays, spacing, surfaces)
    return surfaces


def _draw_solids(group: Group, camera: Camera, rays: np.ndarray, spacing: float, surfaces: Surfaces) -> None:
    hits, depths = _hits(group, camera, rays, surfaces)
    if not hits:
        return
    flat = rays.reshape(3, -1)
    points = {n: camera.position[:, None] + depths[n] * flat.take(where, axis=1) for n, where in hits.items()}
    normal, u, v = (np.concatenate([found[n] for n in hits], axis=-1) for found in group.surface(points))
    where, depth = (np.concatenate([found[n] for n in hits]) for found in (hits, depths))
    owner = np.repeat(list(hits), [len(of_solid) for of_solid in hits.values()])
    # A later solid may be closer.
    seen = np.flatnonzero(depth == surfaces.depth[where])
    where, depth = where[seen], depth[seen]
    surfaces.put(where, depth, normal[:, seen], owner[seen], u[seen], v[seen], depth * np.float32(spacing))


def _hits(group: Group, camera: Camera, rays: np.ndarray, surfaces: Surfaces) -> tuple[BySolid, BySolid]:
    """Return the numbers of the rays that meet each solid before what was drawn earlier, and at which depths.

    `surfaces` have the new depths afterwards. Solids that no ray meets are left out.
    """
    square = rays.shape[1:]
    balls = zip(camera.seen(group.centre).tolist(), group.radius.tolist(), strict=True)
    windows = camera.windows(square[0], {number: [ball] for number, ball in enumerate(balls)})
    met = group.meet(camera.position, {n: rays[:, *window].reshape(3, -1) for n, window in windows.items()})
    numbers, nearest = np.arange(surfaces.depth.size).reshape(square), surfaces.depth.reshape(square)
    hits: BySolid = {}
    depths: BySolid = {}
    for number, window in windows.items():
        before = nearest[window]
        depth = met[number].reshape(before.shape)
        closer = depth < before
        if closer.any():
            hits[number], depths[number] = numbers[window][closer], depth[closer]
            before[closer] = depths[number]
    return hits, depths


def develop(radiance: np.ndarray, lens: Lens, rng: np.random.Generator) -> np.ndarray:
    """Expose and tone linear light (3, h, w), add the sensor's noise: uint8 (h, w, 3)."""
    height, width = radiance.shape[1:]
    x, y = np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    gain = (lens.exposure * lens.gains).astype(np.float32)[:, None, None]
    light = radiance * gain * (1 - np.float32(lens.falloff) * (x * x + y * y))
    # The usual rational fit to a film's response: soft in the highlights, firm in the shadows.
    toned = light * (light * np.float32(2.51) + np.float32(0.03))
    toned /= light * (light * np.float32(2.43) + np.float32(0.59)) + np.float32(0.14)
    display = np.clip(toned, 0, 1) ** np.float32(1 / 2.2)
    display += np.float32(lens.noise) * rng.standard_normal(display.shape, dtype=np.float32)
    return np.ascontiguousarray(_to_bytes(display).transpose(1, 2, 0))


def _pool(channels: np.ndarray) -> np.ndarray:
    """Average each pixel's rays: (c, side, side) to (c, size, size)."""
    rows = channels[:, 0::2] + channels[:, 1::2]
    return (rows[:, :, 0::2] + rows[:, :, 1::2]) * np.float32(0.25)


def _lower_median(values: np.ndarray) -> np.ndarray:
    """Return the second smallest of each pixel's four rays."""
    top, bottom = values[0::2], values[1::2]
    low, high = np.minimum(top, bottom), np.maximum(top, bottom)
    return np.minimum(np.maximum(low[:, 0::2], low[:, 1::2]), np.minimum(high[:, 0::2], high[:, 1::2]))


def _to_bytes(values: np.ndarray) -> np.ndarray:
    return (np.clip(values, 0, 1) * np.float32(255) + np.float32(0.5)).astype(np.uint8)
