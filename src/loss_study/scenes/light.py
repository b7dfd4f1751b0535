"""One distant light with soft shadows, skylight that corners keep out, gloss, haze."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loss_study.scenes.camera import Camera
from loss_study.scenes.ground_and_sky import Surfaces
from loss_study.scenes.solids import Solid


@dataclass(frozen=True)
class Light:
    """`towards` the sun or lamp (3,), unit; `key` its colour, `sky` and `bounce` the light from above and below (3,).

    `penumbra` is the key's angular radius; `haze` (3,) is the colour that distance fades to, `fading` 1/metres.
    """

    towards: np.ndarray
    key: np.ndarray
    sky: np.ndarray
    bounce: np.ndarray
    penumbra: float
    haze: np.ndarray
    fading: float


def shade(surfaces: Surfaces, camera: Camera, rays: np.ndarray, solids: Sequence[Solid], light: Light) -> np.ndarray:
    """Return the light (3, n) that reaches the camera from `surfaces` along square `rays` (3, side, side).

    Rays that met nothing get the haze alone.
    """
    met = np.where(np.isfinite(surfaces.depth), surfaces.depth, np.float32(1e4))
    flat = rays.reshape(3, -1)
    points = camera.position[:, None] + met * flat
    key, sky = _shares(surfaces, points, camera, rays.shape[1], solids, light)
    towards = light.towards.astype(np.float32)
    facing = np.maximum(towards @ surfaces.normal, 0)
    key *= facing
    up = np.float32(0.5) + np.float32(0.5) * surfaces.normal[1]
    ambient = light.sky[:, None] * (up * sky) + light.bounce[:, None] * ((1 - up) * sky)
    radiance = surfaces.colour * (light.key[:, None] * key + ambient)
    _add_gloss(radiance, surfaces, flat, key, light)
    clear = np.exp(met * np.float32(-light.fading))
    return radiance * clear + light.haze[:, None] * (1 - clear)


def _shares(
    surfaces: Surfaces, points: np.ndarray, camera: Camera, side: int, solids: Sequence[Solid], light: Light
) -> tuple[np.ndarray, np.ndarray]:
    """Return the shares (n,) of key light and skylight that the solids let through to `points`."""
    square = (side, side)
    key, sky = np.ones(square, dtype=np.float32), np.ones(square, dtype=np.float32)
    points, normals = points.reshape(3, *square), surfaces.normal.reshape(3, *square)
    owner = surfaces.owner.reshape(square)
    towards = light.towards.astype(np.float32)
    for number, solid in enumerate(solids):
        if not solid.casts:
            continue
        # A shadow lies between the solid and the point where its centre's shadow meets the ground.
        reach = max(solid.centre[1], 0.0) / max(towards[1], 0.1)
        foot, spread = solid.centre - reach * towards, solid.radius + light.penumbra * reach
        window = camera.window(side, (solid.centre, spread), (foot, spread))
        if window is not None:
            share = solid.light_past(_columns(points, window), towards, light.penumbra)
            _multiply(key[window], share, owner[window] != number)
        window = camera.window(side, (solid.centre, 2.5 * float(solid.half.prod()) ** (1 / 3)))
        if window is not None:
            share = solid.sky_past(_columns(points, window), _columns(normals, window))
            _multiply(sky[window], share, owner[window] != number)
    return key.ravel(), sky.ravel()


def _columns(vectors: np.ndarray, window: tuple[slice, slice]) -> np.ndarray:
    return vectors[:, *window].reshape(3, -1)


def _multiply(shares: np.ndarray, share: np.ndarray, where: np.ndarray) -> None:
    np.multiply(shares, share.reshape(shares.shape), out=shares, where=where)


def _add_gloss(radiance: np.ndarray, surfaces: Surfaces, rays: np.ndarray, key: np.ndarray, light: Light) -> None:
    """Blinn's highlight of the key light."""
    where = np.flatnonzero((surfaces.gloss > 0) & (key > 0))
    if not len(where):
        return
    view = rays[:, where]
    halfway = light.towards.astype(np.float32)[:, None] - view / np.sqrt((view * view).sum(axis=0))
    halfway /= np.sqrt((halfway * halfway).sum(axis=0))
    highlight = np.clip((halfway * surfaces.normal[:, where]).sum(axis=0), 0, 1) ** 40
    radiance[:, where] += light.key[:, None] * (highlight * surfaces.gloss[where] * np.minimum(key[where] * 4, 1))
