"""A packed sample made by hand."""

import csv
import json
from pathlib import Path

import numpy as np

from loss_study.data.packed import INDEX_COLUMNS


def write_sample(
    folder: Path, images: int = 24, size: int = 32, seed: int = 0, depth: dict[str, object] | None = None
) -> Path:
    """Pack a sample of bright discs on dark noise by hand: half for training, a quarter each for the rest.

    `depth` is what ``sample.json`` says of it; None: it is relative.
    """
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    backgrounds = rng.integers(0, 120, (4, size, size, 3), dtype=np.uint8)
    background_rows = np.arange(images) % 4
    row, column = np.mgrid[:size, :size]
    masks = np.zeros((images, size, size), np.uint8)
    for mask in masks:
        centre, radius = rng.integers(8, size - 8, 2), rng.integers(3, 8)
        mask[(row - centre[0]) ** 2 + (column - centre[1]) ** 2 < radius**2] = 255
    pictures = np.where(masks[..., None] > 0, 230, backgrounds[background_rows]).astype(np.uint8)
    depths = (257 * np.where(masks > 0, 60, 250 - 4 * row)).astype(np.uint16)
    splits = np.repeat(["train", "validation", "test"], [images // 2, images // 4, images - images // 2 - images // 4])
    for name, array in (("images", pictures), ("backgrounds", backgrounds), ("masks", masks), ("depths", depths)):
        np.save(folder / f"{name}.npy", array)
    with (folder / "index.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(INDEX_COLUMNS)
        for i, (split, background) in enumerate(zip(splits, background_rows, strict=True)):
            writer.writerow([f"disc-{i}", split, background, f"b{background}", f"c{i}", (masks[i] > 127).mean()])
    train = splits == "train"
    meta = {
        "format": 4,
        "dataset": "discs",
        "size": size,
        "images": {split: int((splits == split).sum()) for split in ("train", "validation", "test")},
        "backgrounds": 4,
        "objects": images,
        "heads": ["mask", "depth"],
        "classes": 1,
        "class_names": ["foreground"],
        "invalid_pixels": [],
        "depth": depth or {"unit": ""},
        "notes": [],
        "statistics": {"mask_mean": masks[train].mean() / 255, "depth_mean": depths[train].mean() / 65535},
    }
    (folder / "sample.json").write_text(json.dumps(meta))
    return folder
