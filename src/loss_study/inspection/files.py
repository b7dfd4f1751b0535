"""Image files as they are: size, format, bit depth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from loss_study.datasets.base import Paths
from loss_study.datasets.reading.images import UNREADABLE
from loss_study.inspection.examples import spread
from loss_study.inspection.findings import Table

#: Files of a kind whose headers are read.
LOOKED = 60
#: Pillow's modes in words.
MODES = {
    "1": "1-bit grey", "L": "8-bit grey", "LA": "8-bit grey with alpha", "P": "palette", "PA": "palette with alpha",
    "RGB": "8-bit RGB", "RGBA": "8-bit RGB with alpha", "RGBX": "8-bit RGB", "CMYK": "8-bit CMYK", "YCbCr": "8-bit YCbCr",
    "I;16": "16-bit grey", "I;16B": "16-bit grey", "I;16L": "16-bit grey", "I": "32-bit grey", "F": "32-bit float",
}  # fmt: skip


def some(paths: Paths, count: int) -> list[Path]:
    """Return at most `count` of `paths`, evenly spaced."""
    return [paths[place] for place in spread(range(len(paths)), count)]


def table(files: Mapping[str, Paths]) -> Table:
    """Return what the files of each kind are, from the headers of a spread of them."""
    rows = []
    for kind, paths in files.items():
        looked = some(paths, LOOKED)
        sizes, formats = headers(looked)
        rows.append((kind, f"{len(paths):,}", f"{len(looked)}", sizes, formats))
    return Table("Files", ("kind", "files", "looked at", "width x height", "format"), rows)


def headers(paths: Sequence[Path]) -> tuple[str, str]:
    """Return the sizes and the formats of image files in words."""
    found = [_header(path) for path in paths]
    sizes = sorted({size for size, _ in found if size}, key=lambda size: (size[0] * size[1], size))
    formats = Counter(words for _, words in found)
    shown = [words if len(formats) == 1 else f"{words} ({count})" for words, count in formats.most_common()]
    return " to ".join(f"{width}x{height}" for width, height in dict.fromkeys((*sizes[:1], *sizes[-1:]))), ", ".join(shown)


def pixels(files: Mapping[str, Paths]) -> float:
    """Return the number of pixels that reading one image with all its files takes, from a few of each kind."""
    total = 0.0
    for paths in files.values():
        sizes = [size for size, _ in map(_header, some(paths, 8)) if size]
        total += float(np.median([width * height for width, height in sizes])) if sizes else 0.0
    return total


def _header(path: Path) -> tuple[tuple[int, int] | None, str]:
    try:
        with Image.open(path) as image:
            return image.size, f"{MODES.get(image.mode, image.mode)} {image.format}"
    except UNREADABLE:
        return None, f"unreadable {path.suffix}"
