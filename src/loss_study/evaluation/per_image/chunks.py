"""Columns of many images, computed some images at a time."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

#: Images at a time: what is computed of them in between stays in the processor's cache.
CHUNK = 64


def in_chunks(columns: Callable[..., dict[str, Tensor]], *arrays: Tensor | None) -> dict[str, Tensor]:
    """Return the columns that `columns` makes of `arrays`, each (N, ...) or None, joined over chunks of the images."""
    images = max(len(array) for array in arrays if array is not None)
    chunks = [
        columns(*(None if array is None else array[start : start + CHUNK] for array in arrays))
        for start in range(0, max(images, 1), CHUNK)
    ]
    return {name: torch.cat([chunk[name] for chunk in chunks]) for name in chunks[0]}
