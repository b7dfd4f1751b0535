"""Kaggle's Carvana data: cars on a turntable, 16 views of each, ``train/<car>_<view>.jpg`` of 1918x1280 pixels.

The masks are ``train_masks/<car>_<view>_mask.gif``. The car is the item's cut-out, so that no car stands in two splits.

Source: https://www.kaggle.com/c/carvana-image-masking-challenge
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from loss_study.datasets.layouts.description import Layout
from loss_study.datasets.layouts.listing import scan
from loss_study.datasets.layouts.paired_files import PairedFiles
from loss_study.datasets.layouts.pairing import pair


def open_dataset(path: Path, *, pictures: Literal["train", "train_hq"] = "train") -> PairedFiles:
    """Open the data below the folder `path`.

    Args:
        pictures: the folder of the pictures; ``train_hq`` holds the same ones with less compression.

    Raises:
        StudyError: no such folder, no pictures or no masks.
    """
    layout = Layout(image=[f"{pictures}/{{object}}_{{view}}"], mask=["train_masks/{object}_{view}_mask"])
    pairs = pair(scan(path), layout, allow_missing=True)
    what = f"{len(pairs.images)} views of {len(pairs.objects or ())} cars (Carvana); a car counts as a cut-out."
    return PairedFiles(pairs, [what, *pairs.notes])
