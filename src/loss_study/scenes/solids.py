"""Balls, boxes and frustums, stretched and turned: where rays meet them and what light they keep away."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from loss_study.scenes.textures import Texture

MISS = np.float32(np.inf)

#: x, y, z in metres.
Point = tuple[float, float, float] | np.ndarray


@dataclass(frozen=True)
class Skin:
    """What a surface looks like: `tile` is the texture's side in metres, `gloss` 0 (matt) to 1."""

    texture: Texture
    tile: float = 1.0
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    gloss: float = 0.0

    def colour(self, u: np.ndarray, v: np.ndarray, footprint: np.ndarray) -> np.ndarray:
        """Return linear RGB (3, n) at `u`, `v` in metres for samples `footprint` metres wide, all (n,)."""
        scale = np.float32(1 / self.tile)
        return self.texture.sample(u * scale, v * scale, footprint * scale) * np.array(self.tint, np.float32)[:, None]


@dataclass(frozen=True)
class Solid:
    """A convex body: the unit `shape`, stretched by `half` (3,), turned by `turn` (3, 3), moved to `centre` (3,).

    Unit shapes: "ball" of radius 1; "box" from -1 to 1; "frustum" about y from -1 to 1, of radius 1 at the bottom
    and `taper` at the top (1 is a cylinder, 0 a cone). One that lies flat need not cast a shadow: `casts`.
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
        if self.shape == "ball":
            return max(x, y, z)
        if self.shape == "box":
            return float(np.sqrt(x * x + y * y + z * z))
        return float(np.sqrt((widest * max(x, z)) ** 2 + y * y))

    @property
    def to_local(self) -> np.ndarray:
        """Matrix (3, 3) from directions in the world to those of the unit shape."""
        return (self.turn.T / self.half[:, None]).astype(np.float32)

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

    def meet(self, origin: np.ndarray, rays: np.ndarray) -> np.ndarray:
        """Return the depth (n,) at which `rays` (3, n) from `origin` (3,) enter; infinite where they miss."""
        to_local = self.to_local
        start = (to_local @ (origin - self.centre).astype(np.float32))[:, None]
        enter, leave = self._crossing(start, to_local @ rays)
        return np.where((enter < leave) & (enter > 0), enter, MISS)

    def surface(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return unit normals (3, n) and texture coordinates u, v (n,) in metres, of `points` (3, n) on its surface."""
        to_local = self.to_local
        local = to_local @ (points - self.centre[:, None].astype(np.float32))
        outward, u, v = SURFACES[self.shape](self, local)
        normal = to_local.T @ outward
        return normal / np.sqrt((normal * normal).sum(axis=0)), u, v

    def light_past(self, points: np.ndarray, towards: np.ndarray, penumbra: float) -> np.ndarray:
        """Return the share of light (n,) that reaches `points` (3, n) from the direction `towards` (3,).

        `penumbra` is the light's angular radius. The edge is a smooth step in the distance by which the ray misses
        the ball, or in the length of its way through the other shapes: close to the true shadow, far cheaper.
        """
        to_local = self.to_local
        start = to_local @ (points - self.centre[:, None].astype(np.float32))
        ray = (to_local @ towards)[:, None]
        if self.shape == "ball":
            squared = float((ray * ray).sum())
            along = -(start * ray).sum(axis=0) / squared
            miss = np.sqrt(np.maximum((start * start).sum(axis=0) - along * along * squared, 0)) - 1
            inside = -miss * np.float32(self.half.mean())
            distance = along
        else:
            enter, leave = self._crossing(start, ray)
            inside = (leave - np.maximum(enter, 0)) * np.float32(0.5)
            distance = np.where(leave > 0, np.maximum(enter, 0), -1)
        width = np.float32(penumbra) * np.maximum(distance, 0) + np.float32(0.01)
        step = np.clip(inside / width * np.float32(0.5) + np.float32(0.5), 0, 1)
        covered = step * step * (3 - 2 * step)
        return np.where(distance > 0, 1 - covered, 1)

    def sky_past(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """Return the share of skylight (n,) left at `points` (3, n), as if it were a ball of its mean radius."""
        towards = self.centre[:, None].astype(np.float32) - points
        squared = (towards * towards).sum(axis=0) + np.float32(1e-6)
        facing = np.clip((towards * normals).sum(axis=0) / np.sqrt(squared), 0, 1)
        return 1 - np.float32(0.85) * facing * np.minimum(np.float32((self.half.prod()) ** (2 / 3)) / squared, 1)

    def _crossing(self, start: np.ndarray, rays: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self.shape == "ball":
            return _cross_quadric(
                (rays * rays).sum(axis=0), (start * rays).sum(axis=0), (start * start).sum(axis=0) - 1
            )
        if self.shape == "box":
            return _cross_slabs(start, rays)
        return _cross_frustum(start, rays, self.taper)


def _cross_quadric(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Roots of a t^2 + 2 b t + c, a > 0; without any, entry lies behind exit, the more so the wider the miss."""
    discriminant = b * b - a * c
    root = np.copysign(np.sqrt(np.abs(discriminant)), discriminant)
    return (-b - root) / a, (-b + root) / a


def _cross_slabs(start: np.ndarray, rays: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    inverse = 1 / np.where(np.abs(rays) < 1e-6, np.float32(1e-6), rays)
    middle, extent = -start * inverse, np.abs(inverse)
    return (middle - extent).max(axis=0), (middle + extent).min(axis=0)


def _cross_frustum(start: np.ndarray, rays: np.ndarray, taper: float) -> tuple[np.ndarray, np.ndarray]:
    slope = np.float32((taper - 1) / 2)
    radius, growth = np.float32((taper + 1) / 2) + slope * start[1], slope * rays[1]
    a = rays[0] ** 2 + rays[2] ** 2 - growth**2
    a = np.where(np.abs(a) < 1e-7, np.float32(1e-7), a)
    b = start[0] * rays[0] + start[2] * rays[2] - radius * growth
    c = start[0] ** 2 + start[2] ** 2 - radius**2
    enter, leave = _cross_quadric(a, b, c)
    # A ray steeper than the mantle is inside from one root on (widening) or up to one (narrowing).
    steep, widens = a < 0, growth > 0
    first, last = np.minimum(enter, leave), np.maximum(enter, leave)
    enter = np.where(steep, np.where(widens, last, -MISS), enter)
    leave = np.where(steep, np.where(widens, MISS, first), leave)
    bottom, top = _cross_slabs(start[1:2], rays[1:2])
    return np.maximum(enter, bottom), np.minimum(leave, top)


def _ball_surface(solid: Solid, local: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return local, *_wrapped(solid, local)


def _frustum_surface(solid: Solid, local: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    slope = (solid.taper - 1) / 2
    outward = local.copy()
    outward[1] = -slope * ((solid.taper + 1) / 2 + slope * local[1])
    u, v = _wrapped(solid, local)
    cap = np.abs(local[1]) > 0.999
    if cap.any():
        outward[:, cap] = 0
        outward[1, cap] = np.sign(local[1, cap])
        across, _, along = solid.half.astype(np.float32)
        u, v = np.where(cap, local[0] * across, u), np.where(cap, local[2] * along, v)
    return outward, u, v


def _box_surface(solid: Solid, local: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    axis = np.abs(local).argmax(axis=0)
    outward = np.zeros_like(local)
    columns = np.arange(local.shape[1])
    outward[axis, columns] = np.sign(local[axis, columns])
    x, y, z = local * solid.half[:, None].astype(np.float32)
    return outward, np.where(axis == 0, z, x), np.where(axis == 1, z, y)


def _wrapped(solid: Solid, local: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Wrap a whole number of tiles about the axis, so that no seam shows."""
    around = max(1, round(2 * np.pi * float(solid.half[0]) / solid.skin.tile)) * solid.skin.tile
    angle = np.arctan2(local[0], local[2]) * np.float32(1 / (2 * np.pi))
    return angle * np.float32(around), local[1] * np.float32(solid.half[1])


SURFACES = {"ball": _ball_surface, "box": _box_surface, "frustum": _frustum_surface}

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
    return Solid("ball", np.array(centre, float), np.ones(3) * half, skin, turn)


def box(centre: Point, half: Point | float, skin: Skin, turn: np.ndarray = UPRIGHT) -> Solid:
    """Return a box of half sizes `half`."""
    return Solid("box", np.array(centre, float), np.ones(3) * half, skin, turn)


def tube(
    centre: Point, radius: float, half_length: float, skin: Skin, taper: float = 1.0, turn: np.ndarray = UPRIGHT
) -> Solid:
    """Return a cylinder, cone or frustum about its y axis; `taper` is the top's radius over the bottom's."""
    return Solid("frustum", np.array(centre, float), np.array([radius, half_length, radius]), skin, turn, float(taper))
