"""One distant light with soft shadows, skylight that corners keep out, gloss, haze."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loss_study.scenes.camera import Camera, Window
from loss_study.scenes.ground_and_sky import Surfaces
from loss_study.scenes.group import BySolid, Group
from loss_study.scenes.solids import Skin, colours


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


def shade(
    surfaces: Surfaces, skins: Sequence[Skin], camera: Camera, rays: np.ndarray, group: Group, light: Light
) -> np.ndarray:
    """Return the light (3, n) that reaches the camera from `surfaces` along square `rays` (3, side, side).

    `skins` are those of the surfaces' owners. What is returned for rays that met nothing has no meaning.
    """
    met = np.where(np.isfinite(surfaces.depth), surfaces.depth, np.float32(1e4))
    flat = rays.reshape(3, -1)
    points = camera.position[:, None] + met * flat
    key, sky = _shares(surfaces, points, camera, rays.shape[1], group, light)
    towards = light.towards.astype(np.float32)
    facing = np.maximum(towards @ surfaces.normal, 0)
    key *= facing
    up = np.float32(0.5) + np.float32(0.5) * surfaces.normal[1]
    ambient = light.sky[:, None] * (up * sky) + light.bounce[:, None] * ((1 - up) * sky)
    colour = colours(skins, surfaces.owner, surfaces.u, surfaces.v, surfaces.footprint)
    radiance = colour * (light.key[:, None] * key + ambient)
    gloss = np.array([skin.gloss for skin in skins], dtype=np.float32)[surfaces.owner]
    _add_gloss(radiance, surfaces.normal, gloss, flat, key, light)
    clear = np.exp(met * np.float32(-light.fading))
    return radiance * clear + light.haze[:, None] * (1 - clear)


def _shares(
    surfaces: Surfaces, points: np.ndarray, camera: Camera, side: int, group: Group, light: Light
) -> tuple[np.ndarray, np.ndarray]:
    """Return the shares (n,) of key light and skylight that the solids let through to `points`."""
    square = (side, side)
    points, normals = points.reshape(3, *square), surfaces.normal.reshape(3, *square)
    owner = surfaces.owner.reshape(square)
    towards = light.towards.astype(np.float32)
    # A shadow lies between the solid and the point where its centre's shadow meets the ground.
    reach = np.maximum(group.centre[:, 1], 0.0) / max(towards[1], 0.1)
    centres, feet = (camera.seen(places).tolist() for places in (group.centre, group.centre - reach[:, None] * towards))
    spread = (group.radius + light.penumbra * reach).tolist()
    shadows = camera.windows(
        side, {number: [(place[number], spread[number]) for place in (centres, feet)] for number in group.casting}
    )
    skies = camera.windows(
        side, {number: [(centres[number], 2.5 * group.mean_radius[number])] for number in group.casting}
    )
    key = group.light_past(_columns(points, shadows), towards, light.penumbra)
    sky = group.sky_past(_columns(points, skies), _columns(normals, skies))
    return _product(key, shadows, owner), _product(sky, skies, owner)


def _columns(vectors: np.ndarray, windows: dict[int, Window]) -> BySolid:
    return {number: vectors[:, *window].reshape(3, -1) for number, window in windows.items()}


def _product(shares: BySolid, windows: dict[int, Window], owner: np.ndarray) -> np.ndarray:
    """Return what the solids let through together, (n,); none takes light from itself."""
    product = np.ones(owner.shape, dtype=np.float32)
    for number, window in windows.items():
        part = product[window]
        np.multiply(part, shares[number].reshape(part.shape), out=part, where=owner[window] != number)
    return product.ravel()


def _add_gloss(
    radiance: np.ndarray, normal: np.ndarray, gloss: np.ndarray, rays: np.ndarray, key: np.ndarray, light: Light
) -> None:
    """Blinn's highlight of the key light."""
    where = np.flatnonzero((gloss > 0) & (key > 0))
    if not len(where):
        return
    view = rays[:, where]
    halfway = light.towards.astype(np.float32)[:, None] - view / np.sqrt((view * view).sum(axis=0))
    halfway /= np.sqrt((halfway * halfway).sum(axis=0))
    highlight = np.clip((halfway * normal[:, where]).sum(axis=0), 0, 1) ** 40
    radiance[:, where] += light.key[:, None] * (highlight * gloss[where] * np.minimum(key[where] * 4, 1))
