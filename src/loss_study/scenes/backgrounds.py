"""The backgrounds of scenes: ground, walls or horizon, sky, light, and distractors that stand there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from loss_study.scenes import colours, distractors, textures
from loss_study.scenes.distractors import Distractor
from loss_study.scenes.ground_and_sky import Ground, Sky, Wall
from loss_study.scenes.solids import Skin, Solid, box, turned

LEVEL_TOP = np.array([1e3])


@dataclass(frozen=True)
class Lighting:
    """The usual light of a background.

    `key` and `sky` are the colours (linear RGB) of the sun or lamp and of the skylight, `elevation` the range of the
    key light's angle above the ground and `penumbra` its angular radius, in radians; `horizon` and `zenith` are the
    colours of the sky, `fading` is the haze in 1/metres.
    """

    key: tuple[float, float, float]
    sky: tuple[float, float, float]
    elevation: tuple[float, float]
    penumbra: float
    horizon: tuple[float, float, float]
    zenith: tuple[float, float, float]
    fading: float


NOON = Lighting((2.3, 2.15, 1.9), (0.55, 0.65, 0.8), (0.7, 1.1), 0.03, (0.55, 0.72, 0.88), (0.08, 0.24, 0.62), 0.006)
GOLDEN = Lighting(
    (2.7, 1.75, 0.95), (0.42, 0.42, 0.55), (0.25, 0.45), 0.03, (0.95, 0.66, 0.42), (0.2, 0.3, 0.55), 0.014
)
OVERCAST = Lighting((0.7, 0.7, 0.72), (1.05, 1.1, 1.15), (0.8, 1.2), 0.3, (0.75, 0.8, 0.84), (0.45, 0.53, 0.62), 0.025)
DUSK = Lighting((1.3, 0.75, 0.75), (0.4, 0.38, 0.62), (0.3, 0.5), 0.06, (0.8, 0.42, 0.42), (0.08, 0.09, 0.28), 0.02)
LAMPLIT = Lighting((1.9, 1.6, 1.2), (0.6, 0.56, 0.52), (0.7, 1.1), 0.1, (0.5, 0.48, 0.45), (0.4, 0.4, 0.4), 0.004)
DAYLIT = Lighting((1.5, 1.55, 1.6), (0.75, 0.77, 0.8), (0.5, 0.9), 0.12, (0.5, 0.5, 0.5), (0.4, 0.4, 0.4), 0.004)


@dataclass(frozen=True)
class Background:
    """One background; `wall_solids` are panels on its walls.

    Objects and distractors stand at most `deep` metres away, the camera is `eye` metres above the ground. Angles are in
    radians: the key light comes from `azimuth`, 0 behind the camera and growing to its right, at `elevation`.
    """

    ground: Ground
    walls: list[Wall]
    sky: Sky
    wall_solids: list[Solid]
    distractors: list[Distractor]
    lighting: Lighting
    azimuth: float
    elevation: float
    deep: float
    eye: float
    pitch: float
    focal: float


def build(rng: np.random.Generator) -> Background:
    """Draw a background."""
    indoors, make = KINDS[rng.integers(len(KINDS))]
    ground, walls, wall_solids, deep = make(rng)
    lightings = (LAMPLIT, DAYLIT) if indoors else (NOON, NOON, GOLDEN, OVERCAST, DUSK)
    lighting = lightings[rng.integers(len(lightings))]
    eye, focal = rng.uniform(1.0, 1.7), rng.uniform(1.45, 1.9)
    return Background(
        ground=ground,
        walls=walls,
        sky=_sky(rng, lighting),
        wall_solids=wall_solids,
        distractors=_distractors(rng, indoors, walls, deep, focal),
        lighting=lighting,
        azimuth=rng.uniform(-1.2, 1.2),
        elevation=rng.uniform(*lighting.elevation),
        deep=deep,
        eye=eye,
        pitch=-rng.uniform(0.12, 0.26) * eye,
        focal=focal,
    )


def _sky(rng: np.random.Generator, lighting: Lighting) -> Sky:
    field = np.clip(0.5 + 0.2 * textures.noise(rng, 64, 1.7), 0, 1)
    clouds = textures.Texture.from_tile(np.broadcast_to(field, (3, 64, 64)))
    horizon, zenith = (np.array(colour, dtype=np.float32) for colour in (lighting.horizon, lighting.zenith))
    return Sky(horizon, zenith, clouds, rng.uniform(0.3, 0.6))


def _distractors(
    rng: np.random.Generator, indoors: bool, walls: list[Wall], deep: float, focal: float
) -> list[Distractor]:
    placed: list[Distractor] = []
    for _ in range(int(rng.integers(3, 7))):
        z = rng.uniform(2.6, deep - 0.6)
        one = distractors.build(rng, indoors).at(rng.uniform(-1, 1) * z / focal, z, rng.uniform(0, 2 * np.pi))
        apart = all(np.hypot(one.x - other.x, one.z - other.z) > one.radius + other.radius for other in placed)
        if apart and all(wall.clears(one.x, one.z, one.radius) for wall in walls):
            placed.append(one)
    return placed


Made = tuple[Ground, list[Wall], list[Solid], float]


def _skin(rng: np.random.Generator, pattern: str, palette: list[np.ndarray], tile: float, side: int = 128) -> Skin:
    return Skin(textures.make(rng, pattern, palette, side), tile)


def _palette(rng: np.random.Generator, *ranges: str) -> list[np.ndarray]:
    """Draw three colours from these ranges in turn."""
    return [colours.draw(rng, ranges[number % len(ranges)]) for number in range(3)]


def room(rng: np.random.Generator) -> Made:
    """A room: floor, two walls that meet in a corner or one that faces, skirting boards, paintings."""
    pattern, ranges, tile = (
        ("planks", ("wood",), 1.6), ("tiles", ("pale", "pale", "grey"), 1.8), ("checks", ("pale", "dark"), 2.2),
        ("mottled", ("sand", "sand", "grey"), 2.0), ("zigzag", ("brick", "sand", "wood"), 0.9),
        ("tiles", ("brick", "sand", "grey"), 1.4),
    )[rng.integers(6)]  # fmt: skip
    floor = Ground(_skin(rng, pattern, _palette(rng, *ranges), tile))
    paper = ("plain", "grains", "stripes", "dots", "bricks", "planks")[rng.integers(6)]
    range_name = ("pale", "pale", "sand", "leaf", "grey")[rng.integers(5)]
    skin = _skin(rng, paper, _palette(rng, range_name, range_name, "pale"), rng.uniform(0.9, 1.6))
    deep = rng.uniform(5.0, 8.5)
    yaw = rng.uniform(-0.7, 0.7)
    first = Wall(yaw, deep * np.cos(yaw), skin, LEVEL_TOP)
    side = yaw - np.copysign(np.pi / 2, yaw)
    walls = [first, Wall(side, rng.uniform(2.0, 3.5), skin, LEVEL_TOP)]
    board = Skin(textures.make(rng, "plain", [colours.choose(rng, "pale", "wood", "dark")], 64), 0.5)
    solids = [_on_wall(wall, 0.0, 0.06, (12.0, 0.06), board) for wall in walls]
    for _ in range(int(rng.integers(1, 4))):
        pattern = ("mottled", "spots", "stripes", "leaves", "zigzag")[rng.integers(5)]
        canvas = Skin(textures.make(rng, pattern, _palette(rng, "any", "pale", "vivid"), 64), rng.uniform(0.6, 1.6))
        half = (rng.uniform(0.25, 0.6), rng.uniform(0.2, 0.5))
        u, y = rng.uniform(-0.45, 0.45) * deep - deep * np.sin(yaw), rng.uniform(1.3, 2.1)
        solids.append(_on_wall(first, u, y, (half[0] + 0.05, half[1] + 0.05), board))
        solids.append(_on_wall(first, u, y, half, canvas, 0.06))
    return floor, walls, solids, min(deep, 7.0)


def _on_wall(wall: Wall, u: float, y: float, half: tuple[float, float], skin: Skin, proud: float = 0.04) -> Solid:
    """Return a panel on `wall`, `u` metres along it and `y` up, that stands out by `proud` metres."""
    centre = wall.behind * wall.distance + wall.along * u + np.array([0, y, 0])
    return replace(box(centre, (half[0], half[1], proud), skin, turned(yaw=wall.yaw)), casts=False)


def yard(rng: np.random.Generator) -> Made:
    """A paved yard before a wall, roofs or trees behind it."""
    pattern, ranges = (
        ("cobbles", ("grey", "earth", "dark")), ("tiles", ("grey", "sand", "dark")), ("grains", ("grey",)),
        ("bricks", ("brick", "brick", "grey")), ("planks", ("wood",)),
    )[rng.integers(5)]  # fmt: skip
    ground = Ground(_skin(rng, pattern, _palette(rng, *ranges), rng.uniform(1.6, 2.4)))
    wall_pattern, wall_ranges = (
        ("bricks", ("brick", "brick", "grey")), ("mottled", ("sand",)), ("planks", ("wood",)), ("cobbles", ("grey",)),
        ("leaves", ("leaf",)), ("plain", ("brick", "sand")),
    )[rng.integers(6)]  # fmt: skip
    skin = _skin(rng, wall_pattern, _palette(rng, *wall_ranges), rng.uniform(1.4, 2.2))
    yaw, deep = rng.uniform(-0.6, 0.6), rng.uniform(6.0, 9.0)
    walls = [Wall(yaw, deep * np.cos(yaw), skin, np.array([rng.uniform(1.2, 3.0)]))]
    return ground, [*walls, _houses(rng) if rng.random() < 0.5 else _trees(rng)], [], min(deep, 7.0)


def meadow(rng: np.random.Generator) -> Made:
    """Grass before trees and hills."""
    ground = Ground(_skin(rng, "grass", _palette(rng, "leaf", "leaf", "sand"), rng.uniform(1.6, 2.6)))
    return ground, [_trees(rng), _hills(rng, "leaf")], [], 8.0


def desert(rng: np.random.Generator) -> Made:
    """Sand, gravel or snow before bare hills."""
    pattern, range_name = (("grains", "sand"), ("mottled", "earth"), ("grains", "snow"))[rng.integers(3)]
    ground = Ground(_skin(rng, pattern, _palette(rng, range_name), rng.uniform(2.0, 3.0)))
    hills = [_hills(rng, range_name) for _ in range(int(rng.integers(1, 3)))]
    return ground, [*hills, _trees(rng)] if rng.random() < 0.3 else hills, [], 8.0


def street(rng: np.random.Generator) -> Made:
    """Asphalt or slabs before a row of houses."""
    pattern = ("grains", "tiles")[rng.integers(2)]
    ground = Ground(_skin(rng, pattern, _palette(rng, "grey", "grey", "dark"), rng.uniform(1.6, 2.4)))
    return ground, [_houses(rng), _hills(rng, "leaf")], [], 8.0


def _hills(rng: np.random.Generator, range_name: str) -> Wall:
    distance = rng.uniform(35.0, 70.0)
    waves = rng.standard_normal((10, 2)) @ [1, 1j] / np.arange(1, 11)
    profile = np.fft.irfft([0, *waves], n=256)
    tops = distance * (0.07 + 0.05 * profile / profile.std() * rng.uniform(0.5, 1.2))
    skin = _skin(rng, "mottled", _palette(rng, range_name), distance / 3, 64)
    return Wall(0.0, distance, skin, np.maximum(tops, 0.0), 6 * distance)


def _trees(rng: np.random.Generator) -> Wall:
    """A row of round or pointed crowns."""
    distance, steps = rng.uniform(14.0, 28.0), np.arange(256) / 256
    tops = np.zeros(256)
    pointed = rng.random() < 0.4
    for centre in rng.random(int(rng.integers(8, 40))):
        width, height = rng.uniform(0.008, 0.02), distance * rng.uniform(0.07, 0.2)
        off = np.abs((steps - centre + 0.5) % 1 - 0.5) / width
        shape = np.clip(1 - off, 0, 1) if pointed else np.sqrt(np.clip(1 - off * off, 0, 1))
        tops = np.maximum(tops, height * shape)
    tops = np.maximum(tops, distance * rng.uniform(0.0, 0.05))
    return Wall(0.0, distance, _skin(rng, "leaves", _palette(rng, "leaf"), distance / 6, 64), tops, 3 * distance)


def _houses(rng: np.random.Generator) -> Wall:
    """A skyline of flat and pitched roofs, windows as dots of the wall."""
    distance = rng.uniform(12.0, 25.0)
    tops = np.zeros(256)
    start = 0
    while start < 256:
        stop = min(start + int(rng.integers(8, 30)), 256)
        gable = 1 - np.abs(np.linspace(-1, 1, stop - start)) if rng.random() < 0.5 else 0.0
        tops[start:stop] = distance * (rng.uniform(0.1, 0.35) + 0.06 * gable)
        start = stop
    pattern = ("checks", "bricks", "tiles", "dots")[rng.integers(4)]
    palette = [colours.choose(rng, *ranges) for ranges in (("sand", "brick", "grey"), ("grey", "dark"), ("dark",))]
    return Wall(0.0, distance, _skin(rng, pattern, palette, distance / 4, 64), tops, 3 * distance)


KINDS: tuple[tuple[bool, Callable[[np.random.Generator], Made]], ...] = (
    (True, room), (True, room), (False, yard), (False, yard), (False, meadow), (False, desert), (False, street),
)  # fmt: skip
