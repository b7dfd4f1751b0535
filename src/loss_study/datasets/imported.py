"""Datasets by import path: any ``torch.utils.data.Dataset`` that gives images with masks, depth maps or both.

.. code:: yaml

    name: imported
    path: /absolute/path/to/the/data
    heads: [mask]
    options: {_target_: my_package.MyDataset}

The class or function is called with the other options and, where it takes it, with ``path``. It gives a dataset, or a
mapping with ``train``, ``validation`` and ``test``; or it takes ``split`` and is called for each of those three. What
items may be says `loss_study.datasets.indexed.arrays.example`. A `loss_study.datasets.base.Dataset` is taken as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from loss_study.choices import imported
from loss_study.data.packed import SPLITS
from loss_study.datasets.base import Dataset
from loss_study.datasets.indexed.indexed_dataset import ALL, IndexedDataset

KEY = "dataset.options"
SPLIT = "split"


def check_options(options: Mapping[str, Any]) -> None:
    """Raise a StudyError unless `options` name something that can be imported."""
    imported.refuse_unknown(KEY, options, {})
    imported.find(f"{KEY}.{imported.TARGET}", options.get(imported.TARGET))


def open_dataset(path: Path, *, heads: Sequence[str] | None = None, mask_classes: int = 1, **options: Any) -> Dataset:
    """Open the dataset that `options` name; StudyError if it cannot be imported or made."""
    title = imported.title(options)
    found = imported.find(f"{KEY}.{imported.TARGET}", options.get(imported.TARGET))
    if SPLIT not in options and SPLIT in imported.parameters(found):
        return IndexedDataset(partial(_of_splits, path, options), title, list(heads or ()), mask_classes)
    if hasattr(found, "draw") and hasattr(found, "example"):
        return imported.made(KEY, options, path=path)
    return IndexedDataset(partial(_parts, path, options), title, list(heads or ()), mask_classes)


def _parts(path: Path, options: Mapping[str, Any]) -> Mapping[str, Any]:
    made = imported.made(KEY, options, path=path)
    return made if isinstance(made, Mapping) else {ALL: made}


def _of_splits(path: Path, options: Mapping[str, Any]) -> Mapping[str, Any]:
    return {split: imported.made(KEY, {**options, SPLIT: split}, path=path) for split in SPLITS}
