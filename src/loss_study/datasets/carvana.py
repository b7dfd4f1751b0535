"""Kaggle's Carvana data: cars on a turntable, 16 views of each, ``train/<car>_<view>.jpg`` of 1918x1280 pixels.

The masks are ``train_masks/<car>_<view>_mask.gif``. The car is the item's object: no car is in two splits.

Source: https://www.kaggle.com/c/carvana-image-masking-challenge
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from loss_study.datasets.layouts import Layout, PairedDataset, pair, scan


def open_dataset(path: Path, *, images: Literal["train", "train_hq"] = "train") -> PairedDataset:
    """Open the data below the folder `path`.

    Args:
        images: the folder of the images; ``train_hq`` holds the same ones with less compression.

    Raises:
        StudyError: no such folder, no images or no masks.
    """
    layout = Layout(image=[f"{images}/{{object}}_{{view}}"], mask=["train_masks/{object}_{view}_mask"])
    pairs = pair(scan(path), layout, allow_missing=True)
    what = f"{len(pairs.images)} views of {len(pairs.objects or ())} cars (Carvana); each car counts as one object."
    return PairedDataset(pairs, [what, *pairs.notes])
