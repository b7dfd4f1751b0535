"""A made-up dataset whose images tell which background and object they show, and its packed sample."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from PIL import Image

from loss_study import datasets
from loss_study.config import DatasetConfig, SampleConfig
from loss_study.data.packed import PackedSample
from loss_study.datasets.base import Example, Item
from loss_study.sampling.pack import pack

SIZE = 16
#: The red of an image is its background's number, green its object's; its mask covers this many of the rows.
MASK_ROWS = 4
DEPTH = 51


@dataclass(frozen=True)
class Grid:
    """A finite dataset: each background with each object and its mirror image, once."""

    background_count: int = 12
    object_count: int = 12
    knows_backgrounds: bool = True
    knows_objects: bool = True
    has_background_images: bool = True
    has_depth: bool = True
    notes: tuple[str, ...] = ("Made up.",)

    @property
    def backgrounds(self):
        return [f"b{number:03d}" for number in range(self.background_count)] if self.knows_backgrounds else None

    @property
    def objects(self):
        return [f"c{number:03d}" for number in range(self.object_count)] if self.knows_objects else None

    def draw(self, backgrounds, objects, count, rng):
        candidates = [
            item
            for item in self.items()
            if (backgrounds is None or item.background in backgrounds) and (objects is None or item.object in objects)
        ]
        return [candidates[number] for number in rng.permutation(len(candidates))[:count]]

    def items(self):
        for background, subject, mirror in product(range(self.background_count), range(self.object_count), ("", "m")):
            yield Item(
                f"b{background:03d}+c{subject:03d}{mirror}",
                f"b{background:03d}" if self.knows_backgrounds else None,
                f"c{subject:03d}" if self.knows_objects else None,
            )

    def background(self, name, size):
        return np.full((size, size, 3), int(name[1:]), np.uint8)

    def example(self, item, size):
        image = np.zeros((size, size, 3), np.uint8)
        image[..., 0], image[..., 1] = int(item.id[1:4]), int(item.id[6:9])
        mask = np.zeros((size, size), np.uint8)
        mask[:MASK_ROWS] = 255
        mask[MASK_ROWS] = 127
        return Example(image, mask, np.full((size, size), DEPTH, np.uint8) if self.has_depth else None)


def dataset(*heads):
    return DatasetConfig(name="grid", path="x", heads=list(heads or ("mask", "depth")))


def sample_config(images=100, size=SIZE, seed=0, validation=0.15, test=0.2, **mistakes):
    return SampleConfig(images=images, size=size, validation=validation, test=test, seed=seed, **mistakes)


def packed(folder, data, **options):
    pack(data, folder / "sample", dataset(), sample_config(**options))
    return PackedSample.open(folder / "sample")


def composites(folder, count=8):
    rng = np.random.default_rng(0)
    for kind, channels in (("bg", 3), ("fg", 4)):
        (folder / kind).mkdir()
        for number in range(count):
            values = rng.integers(0, 256, (20, 20, channels), dtype=np.uint8)
            values[5:15, 5:15, 3:] = 255
            Image.fromarray(values).save(folder / kind / f"{kind}_{number}.png")
    return datasets.open_dataset("composites", folder, {})
