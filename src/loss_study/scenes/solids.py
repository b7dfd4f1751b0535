"""Balls, boxes and frustums, stretched and turned, and what their surfaces look like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from loss_study.scenes import textures
from loss_study.scenes.textures import Texture
from loss_study.scenes.unit_shapes import BALL, BOX, FRUSTUM

#: x, y, z in metres.
Point = tuple[float, float, float] | np.ndarray


@dataclass(frozen=True)
class Skin:
    """What a surface looks like: `tile` is the texture's side in metres, `gloss` 0 (matt) to 1."""

    texture: Texture
    tile: float = 1.0
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    gloss: float = 0.0


def colours(
    skins: Sequence[Skin], number: np.ndarray, u: np.ndarray, v: np.ndarray, footprint: np.ndarray
) -> np.ndarray:
    """Return linear RGB (3, n) of `skins[number]` at `u`, `v` for samples `footprint` wide, in metres, all (n,)."""
    scale = np.array([1 / skin.tile for skin in skins], dtype=np.float32)[number]
    tint = np.array([skin.tint for skin in skins], dtype=np.float32).T.take(number, axis=1)
    return textures.sample([skin.texture for skin in skins], number, u * scale, v * scale, footprint * scale) * tint


@dataclass(frozen=True)
class Solid:
    """A convex body: the unit `shape`, stretched by `half` (3,), turned by `turn` (3, 3), moved to `centre` (3,).

    `unit_shapes` has the shapes, and what `taper` is. One that lies flat need not cast a shadow: `casts`.
    """

    shape: str
    centre: np.ndarray
    half: np.ndarray
    skin: Skin
    turn: np.ndarray
    taper: float = 1.0
    casts: bool = True

    @property
    def radius(self) -> float:
        """Of a ball about `centre` that holds the solid."""
        widest = max(1.0, self.taper)
        x, y, z = self.half.tolist()
        if self.shape == BALL:
            return max(x, y, z)
        if self.shape == BOX:
            return float(np.sqrt(x * x + y * y + z * z))
        return float(np.sqrt((widest * max(x, z)) ** 2 + y * y))

    def placed(self, scale: float, turn: np.ndarray, offset: np.ndarray) -> Solid:
        """Scale about the origin, turn and move, texture included."""
        return replace(
            self,
            centre=offset + scale * (turn @ self.centre),
            half=scale * self.half,
            turn=turn @ self.turn,
            skin=replace(self.skin, tile=scale * self.skin.tile),
        )

    def tinted(self, tint: tuple[float, float, float]) -> Solid:
        """Return it in another colour."""
        return replace(self, skin=replace(self.skin, tint=tint))


UPRIGHT = np.eye(3)


def turned(yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> np.ndarray:
    """Return the rotation (3, 3): roll about z, then pitch about x, then yaw about y, in radians."""
    cy, sy, cp, sp, cr, sr = (f(angle) for angle in (yaw, pitch, roll) for f in (np.cos, np.sin))
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return about_y @ about_x @ about_z


def ball(centre: Point, half: Point | float, skin: Skin, turn: np.ndarray = UPRIGHT) -> Solid:
    """Return a ball, or an ellipsoid where `half` has three different sizes."""
    return Solid(BALL, np.array(centre, float), np.ones(3) * half, skin, turn)


def box(centre: Point, half: Point | float, skin: Skin, turn: np.ndarray = UPRIGHT) -> Solid:
    """Return a box of half sizes `half`."""
    return Solid(BOX, np.array(centre, float), np.ones(3) * half, skin, turn)


def tube(
    centre: Point, radius: float, half_length: float, skin: Skin, taper: float = 1.0, turn: np.ndarray = UPRIGHT
) -> Solid:
    """Return a cylinder, cone or frustum about its y axis; `taper` is the top's radius over the bottom's."""
    return Solid(FRUSTUM, np.array(centre, float), np.array([radius, half_length, radius]), skin, turn, float(taper))
