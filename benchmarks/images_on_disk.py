"""The same images twice: as JPEG files, as people keep them, and as a packed sample made from these files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import yaml
from PIL import Image

from loss_study import config, datasets
from loss_study.data.packed import PackedSample
from loss_study.sampling.pack import pack

#: Side of the images on disk, the original data's.
STORED_SIZE = 224
BACKGROUNDS, CUTOUTS = 20, 60


def write(folder: Path, images: int) -> None:
    """Draw `images` scenes at 224 px and write them below `folder` as JPEG, laid out like a copy of the fg_bg data."""
    scenes = datasets.open_dataset("scenes", Path(), {"backgrounds": BACKGROUNDS, "objects": CUTOUTS})
    for name in scenes.backgrounds or ():
        _save(folder / "bg" / f"{name}.jpg", scenes.background(name, STORED_SIZE))
    drawn = scenes.draw(scenes.backgrounds, scenes.objects, images, np.random.default_rng(0))
    for place, item in enumerate(drawn):
        example = scenes.example(item, STORED_SIZE)
        name = f"{item.background}_{item.object}_{place}"
        _save(folder / "bg_fg" / f"{name}.jpg", example.image)
        _save(folder / "bg_fg_mask" / f"{name}_mask.jpg", example.mask)
        _save(folder / "bg_fg_depth_map" / f"{name}_depth_map.jpg", example.depth)


def packed(stored: Path, folder: Path, images: int, size: int) -> PackedSample:
    """Pack what `write` left in `stored` at `size` px, through the data set fg_bg, and open it."""
    choices = yaml.safe_load(Path("conf/dataset/fg_bg.yaml").read_text(encoding="utf-8"))
    dataset = config.DatasetConfig(**choices | {"path": str(stored)})
    sample = config.SampleConfig(images=images, size=size, validation=0.2, test=0.05, seed=0, split="order")
    pack(datasets.open_dataset(dataset.name, stored, dataset.options), folder, dataset, sample)
    return PackedSample.open(folder)


def _save(path: Path, array: np.ndarray | None) -> None:
    assert array is not None
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, quality=90)
