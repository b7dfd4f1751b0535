"""Image files as they are: size, format, bit depth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from loss_study.datasets.base import Paths
from loss_study.datasets.reading import mask_values
from loss_study.datasets.reading.images import FORMATS, geometry
from loss_study.datasets.reading.labels import label_of
from loss_study.inspection.examples import spread
from loss_study.inspection.findings import Table
from loss_study.runtime.errors import StudyError

#: Files of a kind whose headers are read.
LOOKED = 60
#: Mask files that are read, and values that are listed.
MASKS, VALUES = 24, 12
VALUE_TABLE, COLUMNS = "Values of the mask files", ("value", "share of pixels")
#: Pillow's modes in words.
MODES = {
    "1": "1-bit grey", "L": "8-bit grey", "LA": "8-bit grey with alpha", "P": "palette", "PA": "palette with alpha",
    "RGB": "8-bit RGB", "RGBA": "8-bit RGB with alpha", "CMYK": "8-bit CMYK", "YCbCr": "8-bit YCbCr",
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
    return Table("Files", ("kind", "files", "looked at", "size", "format"), rows)


def values(masks: Paths) -> Table:
    """Return the values in a spread of mask files; StudyError for a file that cannot be read."""
    found = mask_values.survey(some(masks, MASKS))
    if found.alpha:
        return Table(
            VALUE_TABLE, COLUMNS, (), f"From {found.files} files: they have a transparency, which is what counts."
        )
    shares = list(found.shares.items())[:VALUES]
    rows = [(str(label_of(code, coloured=found.coloured)), f"{share:.1%}") for code, share in shares]
    more = f" {len(found.shares) - len(rows)} more values are rarer." if len(found.shares) > len(rows) else ""
    kind = "indices of a palette" if found.palette else "colours" if found.coloured else "grey values"
    explanation = f"From {found.files} files, before dataset.options.labels; they are {kind}.{more}"
    return Table(VALUE_TABLE, COLUMNS, rows, explanation)


def headers(paths: Sequence[Path]) -> tuple[str, str]:
    """Return the sizes and the formats of image files in words."""
    found = [_header(path) for path in paths]
    sizes = sorted({size for size, _ in found if size}, key=lambda size: (size[0] * size[1], size))
    formats = Counter(words for _, words in found)
    shown = [words if len(formats) == 1 else f"{words} ({count})" for words, count in formats.most_common()]
    bounds = dict.fromkeys((*sizes[:1], *sizes[-1:]))
    return " to ".join(f"{width}x{height}" for width, height in bounds), ", ".join(shown)


def pixels(files: Mapping[str, Paths]) -> float:
    """Return the number of pixels that reading one image with all its files takes, from a few of each kind."""
    total = 0.0
    for paths in files.values():
        sizes = [size for size, _ in map(_header, some(paths, 8)) if size]
        total += float(np.median([width * height for width, height in sizes])) if sizes else 0.0
    return total


def _header(path: Path) -> tuple[tuple[int, int] | None, str]:
    """Return width and height as they are seen, None if that cannot be told, and the format in words."""
    try:
        size = geometry(path)
    except StudyError:
        return None, f"unreadable {path.suffix}"
    try:
        with Image.open(path, formats=FORMATS) as image:
            return (size.width, size.height), f"{MODES.get(image.mode, image.mode)} {image.format}"
    except OSError:
        return (size.width, size.height), f"numbers {path.suffix}"
