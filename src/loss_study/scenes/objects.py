"""The objects of the foreground: bodies with parts.

Every builder returns an object of any size that stands on y = 0; `build` scales it to a common size. Its parts have up
to three skins: the body's, a second one and a detail's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from loss_study.scenes import colours, textures
from loss_study.scenes.solids import Skin, Solid, ball, box, tube, turned

Skins = tuple[Skin, Skin, Skin]
Builder = Callable[[np.random.Generator, Skins], list[Solid]]


@dataclass(frozen=True)
class SceneObject:
    """An object of the foreground; width times `height` is 1, in square metres; `flies` if it may hover."""

    parts: list[Solid]
    height: float
    flies: bool


def build(rng: np.random.Generator) -> SceneObject:
    """Draw an object."""
    builder = BUILDERS[rng.integers(len(BUILDERS))]
    parts = builder(rng, _skins(rng))
    low, high = _bounds(parts)
    width, height = (high[0] - low[0] + high[2] - low[2]) / 2, high[1] - low[1]
    scale = 1 / np.sqrt(width * height)
    offset = -scale * np.array([(low[0] + high[0]) / 2, low[1], (low[2] + high[2]) / 2])
    return SceneObject([part.placed(scale, np.eye(3), offset) for part in parts], scale * height, builder in FLIERS)


def _by(x: float, y: float, z: float) -> np.ndarray:
    return np.array([x, y, z])


def _bounds(parts: list[Solid]) -> tuple[np.ndarray, np.ndarray]:
    reach = [np.sqrt((part.turn**2) @ part.half**2) for part in parts]
    low = np.min([part.centre - extent for part, extent in zip(parts, reach, strict=True)], axis=0)
    high = np.max([part.centre + extent for part, extent in zip(parts, reach, strict=True)], axis=0)
    return low, high


def _skins(rng: np.random.Generator) -> Skins:
    """Draw a palette; a third of the bodies have the colours and patterns of grounds and walls."""
    if rng.random() < 0.35:
        range_name = ("leaf", "sand", "earth", "brick", "grey", "wood")[rng.integers(6)]
        pattern = ("mottled", "grains", "grass", "planks", "bricks", "cobbles", "leaves", "tiles")[rng.integers(8)]
        body = [colours.draw(rng, range_name) for _ in range(3)]
    else:
        pattern = ("plain", "stripes", "bands", "dots", "checks", "spots", "zigzag", "mottled")[rng.integers(8)]
        body = [
            colours.choose(rng, "any", "vivid"),
            colours.choose(rng, "any", "pale", "dark"),
            colours.draw(rng, "any"),
        ]
    second = [colours.choose(rng, "any", "vivid", "pale", "dark") for _ in range(3)]
    gloss = float(rng.choice([0.0, 0.0, 0.15, 0.4]))
    return (
        Skin(textures.make(rng, pattern, body, 64), rng.uniform(0.5, 1.1), gloss=gloss),
        Skin(textures.make(rng, ("plain", "mottled", "bands")[rng.integers(3)], second, 64), 0.6, gloss=gloss),
        Skin(textures.make(rng, "plain", [colours.choose(rng, "dark", "pale", "vivid")], 64), 0.5, gloss=0.3),
    )


def beast(rng: np.random.Generator, skins: Skins) -> list[Solid]:
    """Four legs, a body, a head with ears and eyes, a tail."""
    body, second, detail = skins
    long, wide, tall = rng.uniform(0.5, 0.85), rng.uniform(0.26, 0.4), rng.uniform(0.26, 0.4)
    leg, neck = rng.uniform(0.15, 0.45), rng.uniform(0.05, 0.4)
    middle = 2 * leg + tall * 0.7
    head, nose = rng.uniform(0.2, 0.3), rng.uniform(0.1, 0.16)
    face = _by(0, middle + tall * 0.6 + neck, long + head * 0.3)
    parts = [
        tube((side * wide * 0.6, leg, end * long * 0.62), rng.uniform(0.07, 0.11), leg, second, 1.25)
        for side in (-1, 1)
        for end in (-1, 1)
    ]
    parts += [
        ball((0, middle, 0), (wide, tall, long), body),
        tube((0, middle + tall * 0.4 + neck * 0.4, long * 0.75), 0.17, 0.15 + neck * 0.5, body, 0.8, turned(pitch=0.4)),
        ball(face, (head * 0.85, head * 0.9, head), body),
        ball(face + _by(0, -head * 0.25, head * 0.85), nose, second),
        tube((0, middle + tall * 0.4, -long * 1.08), 0.06, 0.2, second, 0.4, turned(pitch=-rng.uniform(0.4, 1.4))),
    ]
    ear = rng.uniform(0.12, 0.3)
    for side in (-1, 1):
        place = face + _by(side * head * 0.6, head * 0.75 + ear * 0.5, 0)
        parts.append(tube(place, 0.1, ear, second, rng.choice([0.1, 0.8]), turned(roll=-side * 0.35)))
        parts.append(ball(face + _by(side * head * 0.4, head * 0.3, head * 0.75), 0.05, detail))
    return parts


def bird(rng: np.random.Generator, skins: Skins) -> list[Solid]:
    """An upright body, wings, a head with a beak, two feet."""
    body, second, detail = skins
    wide, tall, head = rng.uniform(0.3, 0.5), rng.uniform(0.45, 0.7), rng.uniform(0.22, 0.34)
    top = 0.1 + 2 * tall * 0.92 + head * 0.5
    parts = [
        ball((0, 0.1 + tall, 0), (wide, tall, wide), body),
        ball((0, 0.06 + tall * 0.9, wide * 0.3), (wide * 0.75, tall * 0.8, wide * 0.8), second),
        ball((0, top, 0.05), head, body),
        tube((0, top, head + 0.12), 0.09, rng.uniform(0.1, 0.2), detail, 0.0, turned(pitch=np.pi / 2)),
    ]
    spread = rng.uniform(0.1, 1.1)
    for side in (-1, 1):
        centre = (side * (wide + 0.12 * spread), 0.1 + tall * (1 + 0.2 * spread), -0.05)
        parts.append(ball(centre, (0.09, tall * 0.6, wide * 0.6), body, turned(roll=side * spread)))
        parts.append(box((side * wide * 0.45, 0.05, wide * 0.45), (0.11, 0.05, 0.18), detail))
        parts.append(ball((side * head * 0.4, top + head * 0.2, 0.05 + head * 0.85), 0.05, detail))
    return parts


def robot(rng: np.random.Generator, skins: Skins) -> list[Solid]:
    """Boxes for body and head, tubes for the limbs, an aerial."""
    body, second, detail = skins
    wide, tall, leg, head = (rng.uniform(*bounds) for bounds in ((0.3, 0.5), (0.3, 0.55), (0.12, 0.4), (0.18, 0.32)))
    middle = 2 * leg + tall
    top = middle + tall + 0.06 + head
    swing = rng.uniform(-0.6, 0.6)
    parts = [
        box((0, middle, 0), (wide, tall, wide * 0.65), body),
        box((0, top, 0), (head * 1.2, head, head), second),
        tube((0, top + head + 0.1, 0), 0.025, 0.12, detail),
        ball((0, top + head + 0.25, 0), 0.06, detail),
    ]
    for side in (-1, 1):
        parts.append(tube((side * wide * 0.5, leg, 0), wide * 0.26, leg, second))
        arm = turned(pitch=side * swing, roll=side * 0.25)
        parts.append(tube((side * (wide + 0.14), middle + tall * 0.2, 0), 0.1, tall * 0.75, second, 0.8, arm))
        parts.append(ball((side * head * 0.5, top + head * 0.2, head), 0.07, detail))
    return parts


def car(rng: np.random.Generator, skins: Skins) -> list[Solid]:
    """A chassis, a cabin, four wheels, lamps."""
    body, second, detail = skins
    long, wide, tall, wheel = (rng.uniform(*b) for b in ((0.75, 1.0), (0.36, 0.48), (0.15, 0.26), (0.15, 0.24)))
    floor = wheel * 1.1
    cabin, back = rng.uniform(0.14, 0.24), rng.uniform(-0.3, 0.15)
    parts = [
        box((0, floor + tall, 0), (wide, tall, long), body),
        box((0, floor + 2 * tall + cabin, back), (wide * 0.85, cabin, long * rng.uniform(0.4, 0.6)), second),
    ]
    axle = turned(roll=np.pi / 2)
    for side in (-1, 1):
        parts += [tube((side * wide, wheel, end * long * 0.6), wheel, 0.09, detail, 1.0, axle) for end in (-1, 1)]
        parts.append(ball((side * wide * 0.65, floor + tall, long), 0.07, second))
    return parts


def vessel(rng: np.random.Generator, skins: Skins) -> list[Solid]:
    """A vase, jug or bottle of turned sections, sometimes with a handle."""
    body, second, _ = skins
    radii = rng.uniform(0.15, 0.5, size=int(rng.integers(3, 6)))
    heights = rng.uniform(0.12, 0.32, size=len(radii) - 1)
    parts, base = [], 0.0
    for number, half in enumerate(heights):
        taper = radii[number + 1] / radii[number]
        parts.append(tube((0, base + half, 0), radii[number], half, second if number % 2 else body, taper))
        base += 2 * half
    parts.append(tube((0, base + 0.03, 0), radii[-1] * 1.15, 0.03, second))
    if rng.random() < 0.5:
        side = radii.max() + 0.1
        parts.append(tube((side, base * 0.5, 0), 0.05, base * 0.25, second))
        level, reach = turned(roll=np.pi / 2), side / 2 + 0.05
        parts += [tube((side / 2, base * height, 0), 0.05, reach, second, 1.0, level) for height in (0.25, 0.75)]
    return parts


def mushroom(rng: np.random.Generator, skins: Skins) -> list[Solid]:
    """A stem under a wide cap: also an umbrella or a lamp."""
    body, second, detail = skins
    stem, cap, height = rng.uniform(0.08, 0.22), rng.uniform(0.4, 0.65), rng.uniform(0.25, 0.55)
    flat = rng.uniform(0.18, 0.4)
    hat = tube((0, 2 * height + flat, 0), cap, flat, body, rng.uniform(0.05, 0.6))
    dome = ball((0, 2 * height, 0), (cap, flat * 1.6, cap), body)
    parts = [
        tube((0, height, 0), stem * 1.4, height, second, 0.7),
        hat if rng.random() < 0.5 else dome,
        tube((0, 0.04, 0), stem * 2.2, 0.04, detail, 0.9),
    ]
    if rng.random() < 0.4:
        parts.append(ball((0, 2 * height + 2 * flat, 0), 0.1, detail))
    return parts


def seat(rng: np.random.Generator, skins: Skins) -> list[Solid]:
    """A chair, stool or table of thin parts."""
    body, second, _ = skins
    wide, deep, leg, thick = rng.uniform(0.35, 0.6), rng.uniform(0.35, 0.5), rng.uniform(0.25, 0.45), 0.05
    parts = [box((0, 2 * leg + thick, 0), (wide, thick, deep), body)]
    for side in (-1, 1):
        parts += [tube((side * wide * 0.85, leg, end * deep * 0.85), 0.05, leg, second) for end in (-1, 1)]
    if rng.random() < 0.7:
        back = rng.uniform(0.3, 0.55)
        parts.append(box((0, 2 * leg + back, -deep), (wide, back * 0.55, 0.05), body, turned(pitch=-0.1)))
        parts += [tube((side * wide * 0.85, 2 * leg + back * 0.6, -deep), 0.04, back * 0.6, second) for side in (-1, 1)]
    else:
        parts.append(ball((0, 2 * leg + 2 * thick + 0.18, 0), (0.25, 0.2, 0.25), second))
    return parts


def snowman(rng: np.random.Generator, skins: Skins) -> list[Solid]:
    """Balls on top of each other, with a hat, a nose and arms."""
    body, second, detail = skins
    radius, height, parts = rng.uniform(0.35, 0.5), 0.0, []
    for number in range(int(rng.integers(2, 4))):
        parts.append(ball((0, height + radius * 0.92, 0), radius, second if number == 1 else body))
        height += 1.65 * radius
        radius *= rng.uniform(0.65, 0.8)
    top = parts[-1]
    face, size = top.centre, top.half[0]
    parts.append(tube((0, face[1] + size * 1.1, 0), size * 0.75, size * 0.4, detail, rng.uniform(0.1, 1)))
    parts.append(tube((0, face[1] + size * 0.75, 0), size * 1.15, 0.03, detail))
    parts.append(tube((0, face[1], size * 1.3), 0.06, 0.15, second, 0.0, turned(pitch=np.pi / 2)))
    for side in (-1, 1):
        arm = turned(roll=side * rng.uniform(0.6, 1.9))
        parts.append(tube((side * 0.5, face[1] - size * 1.6, 0), 0.04, 0.28, detail, 0.7, arm))
    return parts


def rocket(rng: np.random.Generator, skins: Skins) -> list[Solid]:
    """A hull with a nose cone, fins and a window."""
    body, second, detail = skins
    radius, tall, nose = rng.uniform(0.2, 0.32), rng.uniform(0.4, 0.75), rng.uniform(0.18, 0.4)
    parts = [
        tube((0, 0.2 + tall, 0), radius, tall, body, rng.uniform(0.7, 1.0)),
        tube((0, 0.2 + 2 * tall + nose, 0), radius, nose, second, 0.0),
        tube((0, 0.12, 0), radius * 0.8, 0.12, detail, 0.6),
        ball((0, 0.2 + 1.3 * tall, radius * 0.85), 0.11, detail),
    ]
    fins = int(rng.integers(3, 5))
    for number in range(fins):
        turn = turned(yaw=2 * np.pi * number / fins + 0.5)
        centre = turn @ _by(0, 0.28, radius * 1.3)
        parts.append(box(centre, (0.03, 0.28, radius * 0.6), second, turn))
    return parts


def balloon(rng: np.random.Generator, skins: Skins) -> list[Solid]:
    """A balloon above its basket, or a saucer with a dome."""
    body, second, detail = skins
    if rng.random() < 0.5:
        return [
            ball((0, 1.3, 0), (0.55, rng.uniform(0.5, 0.7), 0.55), body),
            tube((0, 0.68, 0), 0.2, 0.16, body, 1.9),
            box((0, 0.15, 0), (0.16, 0.13, 0.16), second),
            *[tube((x * 0.14, 0.4, z * 0.14), 0.015, 0.2, detail) for x in (-1, 1) for z in (-1, 1)],
        ]
    wide = rng.uniform(0.6, 0.85)
    return [
        ball((0, 0.4, 0), (wide, 0.17, wide), body),
        ball((0, 0.5, 0), (wide * 0.5, 0.32, wide * 0.5), second),
        tube((0, 0.22, 0), wide * 0.3, 0.08, detail, 1.6),
        *[ball((wide * 0.8 * np.cos(a), 0.42, wide * 0.8 * np.sin(a)), 0.09, detail) for a in np.arange(6) * np.pi / 3],
    ]


def plane(rng: np.random.Generator, skins: Skins) -> list[Solid]:
    """A fuselage with wings, a tail and engines."""
    body, second, detail = skins
    long, span, thick = rng.uniform(0.7, 0.95), rng.uniform(0.6, 0.95), rng.uniform(0.14, 0.22)
    parts = [
        ball((0, 0.4, 0), (thick, thick, long), body),
        box((0, 0.4, long * 0.1), (span, 0.03, 0.16), second, turned(roll=rng.uniform(-0.1, 0.1))),
        box((0, 0.42, -long * 0.88), (span * 0.4, 0.025, 0.1), second),
        box((0, 0.58, -long * 0.88), (0.025, 0.18, 0.1), second),
        ball((0, 0.4 + thick * 0.7, long * 0.4), (thick * 0.6, thick * 0.6, 0.2), detail),
    ]
    for side in (-1, 1):
        parts.append(tube((side * span * 0.5, 0.33, long * 0.15), 0.07, 0.14, detail, 0.8, turned(pitch=np.pi / 2)))
        parts.append(ball((side * 0.2, 0.12, long * 0.2), 0.1, detail))
    return parts


def plant(rng: np.random.Generator, skins: Skins) -> list[Solid]:
    """A pot with a stem and a crown of leaves or fruit."""
    body, second, detail = skins
    pot, stem = rng.uniform(0.2, 0.34), rng.uniform(0.1, 0.3)
    top = 0.5 + 2 * stem
    parts = [
        tube((0, 0.22, 0), pot * 0.75, 0.22, second, 1.35),
        tube((0, 0.46, 0), pot * 1.1, 0.04, second),
        tube((0, 0.5 + stem, 0), 0.05, stem + 0.1, detail),
    ]
    count = int(rng.integers(4, 8))
    for number in range(count):
        turn = turned(yaw=2 * np.pi * number / count + rng.uniform(0, 0.5))
        out = turn @ _by(0, rng.uniform(0, 0.3), rng.uniform(0.2, 0.35))
        leaf = (0.2, 0.1, 0.3) if number % 2 else (0.22, 0.22, 0.22)
        parts.append(ball(out + _by(0, top, 0), leaf, body, turn @ turned(pitch=-0.4)))
    return parts


BUILDERS: tuple[Builder, ...] = (
    beast, bird, robot, car, vessel, mushroom, seat, snowman, rocket, balloon, plane, plant,
)  # fmt: skip
FLIERS = (bird, rocket, balloon, plane)
