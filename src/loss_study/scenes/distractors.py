"""Distractors: things that belong to a background, and litter. The mask never covers them.

Each is one plain shape or two; the objects of the foreground have more parts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from loss_study.scenes import colours, textures
from loss_study.scenes.solids import Skin, Solid, ball, box, tube, turned

Builder = Callable[[np.random.Generator], list[Solid]]


@dataclass(frozen=True)
class Distractor:
    """A distractor: `parts` about the origin, standing at (`x`, `z`) turned by `yaw`; `radius` of its footprint."""

    parts: list[Solid]
    radius: float
    x: float = 0.0
    z: float = 0.0
    yaw: float = 0.0

    @property
    def flat(self) -> bool:
        """Whether it is so flat that objects may stand on it."""
        return all(part.half[1] < 0.02 for part in self.parts)

    def at(self, x: float, z: float, yaw: float) -> Distractor:
        """Return it at another position."""
        return replace(self, x=x, z=z, yaw=yaw)

    def tinted(self, tint: tuple[float, float, float]) -> Distractor:
        """Return it in another colour."""
        return replace(self, parts=[part.tinted(tint) for part in self.parts])

    def solids(self) -> list[Solid]:
        """Return its parts in the world."""
        turn, offset = turned(yaw=self.yaw), np.array([self.x, 0.0, self.z])
        return [part.placed(1.0, turn, offset) for part in self.parts]


def build(rng: np.random.Generator, indoors: bool) -> Distractor:
    """Draw a distractor that suits a background indoors or outdoors."""
    builders = INDOORS if indoors else OUTDOORS
    parts = builders[rng.integers(len(builders))](rng)
    return Distractor(parts, max(float(np.hypot(*part.centre[[0, 2]]) + part.half[[0, 2]].max()) for part in parts))


def litter(rng: np.random.Generator) -> Distractor:
    """Draw a small stone, ball, block or sheet, the only distractor that comes and goes between two shots."""
    size = rng.uniform(0.05, 0.11)
    skin = _skin(rng, ("plain", "mottled", "checks"), ("any", "grey", "pale", "earth"), 0.3, 16)
    shapes = (
        ball((0, size, 0), size, skin),
        ball((0, size * 0.5, 0), (size * 1.4, size * 0.7, size), skin),
        box((0, size * 0.8, 0), size * 0.8, skin),
        box((0, 0.006, 0), (size * 1.4, 0.006, size * 2), skin),
    )
    return Distractor([shapes[rng.integers(len(shapes))]], size)


def _skin(
    rng: np.random.Generator, patterns: tuple[str, ...], ranges: tuple[str, ...], tile: float, side: int = 64
) -> Skin:
    pattern, range_name = patterns[rng.integers(len(patterns))], ranges[rng.integers(len(ranges))]
    palette = [colours.draw(rng, range_name), colours.draw(rng, range_name), colours.choose(rng, "pale", "dark")]
    return Skin(textures.make(rng, pattern, palette, side), tile, gloss=float(rng.choice([0.0, 0.2])))


def crate(rng: np.random.Generator) -> list[Solid]:
    """A wooden or painted box."""
    half = rng.uniform(0.18, 0.42, 3)
    return [box((0, half[1], 0), half, _skin(rng, ("planks", "planks", "plain"), ("wood", "wood", "any"), 0.6))]


def barrel(rng: np.random.Generator) -> list[Solid]:
    """A drum or a bin."""
    radius, half = rng.uniform(0.16, 0.3), rng.uniform(0.2, 0.42)
    skin = _skin(rng, ("bands", "plain", "stripes"), ("any", "grey", "wood"), 0.7)
    return [tube((0, half, 0), radius, half, skin, rng.choice([1.0, 1.0, 1.2]))]


def globe(rng: np.random.Generator) -> list[Solid]:
    """A big ball."""
    radius = rng.uniform(0.14, 0.32)
    return [ball((0, radius, 0), radius, _skin(rng, ("plain", "stripes", "spots", "checks"), ("any", "vivid"), 0.5))]


def cone(rng: np.random.Generator) -> list[Solid]:
    """A traffic cone, or a small tent."""
    radius, half = rng.uniform(0.14, 0.3), rng.uniform(0.2, 0.35)
    skin = _skin(rng, ("bands", "plain"), ("vivid", "brick"), 0.5)
    return [tube((0, half, 0), radius, half, skin, 0.12)]


def rock(rng: np.random.Generator) -> list[Solid]:
    """A boulder."""
    half = rng.uniform(0.16, 0.45, 3) * [1, 0.75, 1]
    return [ball((0, half[1] * 0.7, 0), half, _skin(rng, ("mottled", "grains"), ("grey", "earth"), 0.9))]


def post(rng: np.random.Generator) -> list[Solid]:
    """A pole, sometimes with a sign."""
    half = rng.uniform(0.4, 0.8)
    pole = tube((0, half, 0), rng.uniform(0.03, 0.07), half, _skin(rng, ("plain", "bands"), ("grey", "wood"), 0.5))
    if rng.random() < 0.5:
        return [pole]
    sign = _skin(rng, ("plain", "stripes", "dots"), ("any", "pale"), 0.6)
    return [pole, box((0, 2 * half, -0.05), (rng.uniform(0.14, 0.3), rng.uniform(0.1, 0.2), 0.02), sign)]


def bush(rng: np.random.Generator) -> list[Solid]:
    """A round shrub, or a small tree."""
    wide, tall = rng.uniform(0.25, 0.55), rng.uniform(0.25, 0.5)
    leaves = _skin(rng, ("leaves",), ("leaf",), 0.8)
    if rng.random() < 0.5:
        return [ball((0, tall * 0.7, 0), (wide, tall, wide * 0.9), leaves)]
    stem = rng.uniform(0.25, 0.5)
    trunk = tube((0, stem, 0), 0.07, stem, _skin(rng, ("mottled",), ("wood",), 0.4))
    crown = tube((0, 2 * stem + tall, 0), wide, tall * 1.4, leaves, 0.05)
    return [trunk, crown if rng.random() < 0.5 else ball((0, 2 * stem + tall * 0.8, 0), (wide, tall, wide), leaves)]


def rug(rng: np.random.Generator) -> list[Solid]:
    """A rug or a mat that lies flat."""
    half = (rng.uniform(0.4, 1.0), 0.012, rng.uniform(0.4, 0.8))
    return [box((0, 0.012, 0), half, _skin(rng, ("zigzag", "stripes", "checks", "dots"), ("any", "brick"), 0.9))]


def lamp(rng: np.random.Generator) -> list[Solid]:
    """A standard lamp: a pole with a shade."""
    half = rng.uniform(0.4, 0.7)
    pole = tube((0, half, 0), 0.03, half, _skin(rng, ("plain",), ("grey", "wood"), 0.5))
    shade = _skin(rng, ("plain", "stripes"), ("pale", "any"), 0.5)
    return [pole, tube((0, 2 * half, 0), rng.uniform(0.16, 0.26), 0.15, shade, 0.6)]


INDOORS: tuple[Builder, ...] = (crate, barrel, globe, rug, rug, lamp, bush)
OUTDOORS: tuple[Builder, ...] = (crate, barrel, globe, cone, rock, rock, post, bush, bush)
