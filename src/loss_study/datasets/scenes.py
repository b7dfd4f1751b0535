"""The default dataset: scenes that `loss_study.scenes` renders from a seed, without a download.

A background is a ground with walls or a horizon, a sky, light and distractors; an object is a body of several parts.
The mask covers the object, which the background image lacks. Subtracting that image does not give the mask: between it
and the composite the light moves and changes colour, the camera shifts and is exposed anew, the sensor's noise differs,
the object casts a shadow, about a third of the distractors are moved or painted, and up to two pieces of litter (small
plain stones, balls, blocks, sheets) appear or disappear. An object has no mirror image: it is turned about its axis
instead, and every view has the same identity.

Every array depends only on the seed and the item's id; an item takes about 10 ms of one core at 64 px, 20 at 112 and
80 at 224.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from loss_study.data.depth_scale import DepthScale, to_stored
from loss_study.datasets.base import Example, Item
from loss_study.scenes import backgrounds, objects
from loss_study.scenes.render import FARTHEST_M, render
from loss_study.scenes.shots import background_shot, object_shot

DEPTH_SCALE = DepthScale(halfway_m=9.0, farthest_m=FARTHEST_M)
#: Numbers of the objects and backgrounds that `Scenes.make_new` chooses from; those of `open_dataset` are lower. No two
#: of their names have one checksum, which is what `_generator` knows of a name.
NEW = range(100_000, 1_000_000)

NOTES = (
    "Images are scenes that the project renders from a seed.",
    f"Depth is exact: the distance z along the optical axis, stored as z / (z + {DEPTH_SCALE.halfway_m:g} m), so 0 is "
    f"the lens and 1 infinitely far; the sky is stored as {FARTHEST_M:g} m, and metrics in metres leave it out.",
)


@dataclass(frozen=True)
class Scenes:
    """A `Dataset` of ``backgrounds x objects x placements`` items, each rendered when it is asked for.

    It is a `MakesNew`: its `seed` has any number of other backgrounds and objects.
    """

    seed: int
    backgrounds: Sequence[str]
    objects: Sequence[str]
    placements: int
    has_background_images: bool = True
    notes: Sequence[str] = NOTES
    depth_scale: DepthScale = DEPTH_SCALE

    def draw(
        self,
        backgrounds: Sequence[str] | None,
        objects: Sequence[str] | None,
        count: int,
        rng: np.random.Generator,
    ) -> list[Item]:
        """Draw at most `count` different items; None stands for all backgrounds or all objects."""
        backgrounds = self.backgrounds if backgrounds is None else backgrounds
        objects = self.objects if objects is None else objects
        shape = (len(backgrounds), len(objects), self.placements)
        total = len(backgrounds) * len(objects) * self.placements
        numbers = rng.choice(total, size=min(count, total), replace=False)
        return [
            _item(backgrounds[background], objects[subject], placement)
            for background, subject, placement in zip(*np.unravel_index(numbers, shape), strict=True)
        ]

    def make_new(self, count: int, rng: np.random.Generator) -> list[Item]:
        """Return `count` items, each of a new object before a new background; more items begin with the same ones."""
        numbers = rng.permutation(NEW)[:count]
        return [_item(f"b{number}", f"c{number}", 0) for number in numbers]

    def background(self, name: str, size: int) -> np.ndarray:
        """Return the background without the object, uint8 (size, size, 3) RGB."""
        rng = _generator(self.seed, f"picture of {name}")
        return render(background_shot(_background(self.seed, name), rng), size, rng)[0]

    def example(self, item: Item, size: int) -> Example:
        """Return the image with the object in it, its mask and its depth."""
        rng = _generator(self.seed, item.id)
        scene = object_shot(_background(self.seed, item.background), _object(self.seed, item.object), rng)
        image, mask, depth_m = render(scene, size, rng)
        return Example(image, mask, to_stored(self.depth_scale.encode(depth_m)))


def open_dataset(
    path: Path,
    *,
    backgrounds: Annotated[int, Field(ge=1, le=10_000)] = 120,
    objects: Annotated[int, Field(ge=1, le=10_000)] = 120,
    placements: Annotated[int, Field(ge=1, le=10_000)] = 20,
    seed: Annotated[int, Field(ge=0)] = 0,
) -> Scenes:
    """Open the scenes; nothing is rendered yet and `path` is not read.

    Args:
        path: the program that renders them, for DVC to watch.
        backgrounds: number of backgrounds.
        objects: number of objects.
        placements: number of items for each pair of these.
        seed: another seed gives other backgrounds, objects and items.
    """
    return Scenes(seed, _names("b", backgrounds), _names("c", objects), placements)


def _names(letter: str, count: int) -> list[str]:
    """Return ``b000``, ``b001``, ...: as many digits as keep them sorted."""
    digits = max(3, len(str(count - 1)))
    return [f"{letter}{number:0{digits}d}" for number in range(count)]


def _item(background: str, subject: str, placement: int) -> Item:
    return Item(f"scene-{background}-{subject}-p{placement:02d}", background, subject)


def _generator(seed: int, name: str) -> np.random.Generator:
    """Return a generator that depends only on `seed` and `name`; other names would give other images."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


@lru_cache(maxsize=160)
def _background(seed: int, name: str) -> backgrounds.Background:
    return backgrounds.build(_generator(seed, f"place {name}"))


@lru_cache(maxsize=160)
def _object(seed: int, name: str) -> objects.SceneObject:
    return objects.build(_generator(seed, f"object {name}"))
