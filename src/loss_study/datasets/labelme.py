"""Images with annotations of labelme: a JSON file of polygons, rectangles and circles beside each image.

Source: https://github.com/wkentaro/labelme
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from loss_study.datasets.layouts import Listing, Pairs, Split, scan
from loss_study.datasets.layouts.outlined_dataset import (
    Categories,
    OutlinedDataset,
    Outlines,
    Shape,
    class_names,
    heads_with_invalid_pixels,
    pairs_of,
)
from loss_study.datasets.layouts.recognise import json_kind
from loss_study.datasets.reading import annotation_files, outlines
from loss_study.datasets.reading.images import geometry
from loss_study.datasets.reading.mask_values import spread
from loss_study.runtime.errors import StudyError

__all__ = ["check_files", "class_names", "heads_with_invalid_pixels", "open_dataset"]

DRAWN: dict[str, Callable[[Sequence[Sequence[float]], int, int], np.ndarray]] = {
    "polygon": outlines.polygon,
    "rectangle": outlines.rectangle,
    "circle": outlines.circle,
}
MASK = "mask"


def open_dataset(
    path: Path,
    *,
    classes: Mapping[str, list[str]] | None = None,
    ignored: list[str] | None = None,
    split: Split = "own",
    allow_missing: bool = False,
) -> Labelme:
    """Open the images below the folder `path` that have a JSON file of labelme beside them.

    Args:
        classes: the labels of each class; none: every label is foreground.
        ignored: labels of invalid pixels.
        split: whether the splits are used that the names of folders say.
        allow_missing: leave out images and annotations without each other instead of raising an error.

    Raises:
        StudyError: no annotations, images or annotations without each other, labels that do not exist.
    """
    listing = scan(path)
    annotated, copies = _annotated(listing)
    images = {f"{folder}/{name}".lstrip("/") for folder, names in listing.folders.items() for name in names}
    alone = sorted(images - set(annotated) - set(copies))
    if not annotated:
        raise StudyError(f"{path}: no JSON file lies beside an image of its name; correct dataset.path")
    if alone and not allow_missing:
        raise StudyError(
            f"{path}: {len(alone)} images have no JSON file beside them (first: {alone[0]}); complete the files, or "
            "leave them out with -S dataset.options.allow_missing=true"
        )
    chosen = sorted(annotated)
    files = [listing.root / annotated[image] for image in chosen]
    some = [_read(files[place]) for place in spread(len(files))]
    categories = Categories(classes or {}, ignored or [])
    labels = {str(shape["label"]) for content in some for shape in content["shapes"]}
    if not labels:
        raise StudyError(f"{path}: {json_kind(files[0]) or 'JSON'} files without a shape; correct dataset.path")
    categories.check([*labels, *categories.named], path)
    notes = [f"Of outlines that overlap the last one counts. Labels in {len(some)} files: {', '.join(sorted(labels))}."]
    lines = sum(_kind(shape) not in (*DRAWN, MASK) for content in some for shape in content["shapes"])
    notes += [f"{lines} shapes in these are lines or points, which have no area."] if lines else []
    notes += [f"{len(alone)} images have no annotation and were left out."] if alone else []
    notes += [f"{len(copies)} files beside an image, with its name, were left out."] if copies else []
    pairs = pairs_of(listing, chosen, chosen, split, notes)
    return Labelme(pairs, files, categories, [f"{len(chosen)} images with labelme annotations.", *pairs.notes])


def check_files(listing: Listing, **options: Any) -> None:
    """Check annotations and images, once they are unpacked; StudyError as `open_dataset`."""
    if listing.root.is_dir():
        open_dataset(listing.root, **options)


class Labelme(OutlinedDataset):
    """The `Dataset`; `files` are the annotations of the images in `pairs`."""

    def __init__(self, pairs: Pairs, files: Sequence[Path], categories: Categories, notes: Sequence[str]) -> None:
        super().__init__(pairs, categories, notes)
        self._files = files

    def outlines(self, number: int) -> Outlines:
        """Return the shapes of image `number`, in the order of the file."""
        content = _read(self._files[number])
        width, height = content.get("imageWidth"), content.get("imageHeight")
        if not width or not height:
            seen = geometry(self._pairs.images.path(number))
            width, height = seen.width, seen.height
        return Outlines(width, height, [shape for one in content["shapes"] for shape in _shapes(one)])


def _kind(shape: Mapping[str, Any]) -> str:
    return shape.get("shape_type") or "polygon"


def _shapes(shape: Mapping[str, Any]) -> list[Shape]:
    kind = _kind(shape)
    if kind == MASK:
        return [(str(shape["label"]), partial(outlines.pasted, shape.get("mask") or "", shape["points"]))]
    return [(str(shape["label"]), partial(DRAWN[kind], shape["points"]))] if kind in DRAWN else []


def _annotated(listing: Listing) -> tuple[dict[str, str], list[str]]:
    """Return the annotation of each image that has one, the JSON file of its name beside it; and the other files.

    Of several images with one JSON file, such as ``a.jpg`` and the mask ``a.png`` that was exported from ``a.json``,
    the one is annotated that the file names (imagePath).

    Raises:
        StudyError: it names none of them.
    """
    stems = {path.rpartition(".")[0]: path for path in listing.jsons}
    paths = (f"{folder}/{name}".lstrip("/") for folder, names in listing.folders.items() for name in names)
    images: dict[str, list[str]] = {}
    for path in paths:
        if (stem := path.rpartition(".")[0]) in stems:
            images.setdefault(stem, []).append(path)
    annotated = {}
    for stem, found in images.items():
        own = found if len(found) == 1 else _named_by(listing.root / stems[stem], found)
        annotated[own[0]] = stems[stem]
    return annotated, [path for found in images.values() for path in found if path not in annotated]


def _named_by(file: Path, images: Sequence[str]) -> list[str]:
    """Return the one of `images` that the annotation `file` names; StudyError if it names none."""
    named = str(_read(file).get("imagePath") or "").replace("\\", "/").rpartition("/")[2]
    own = [path for path in images if path.rpartition("/")[2] == named]
    if not own:
        raise StudyError(f"{file}: beside {' and '.join(images)}, and its imagePath is neither; remove one of them")
    return own


def _read(path: Path) -> Mapping[str, Any]:
    return annotation_files.read(path, annotation_files.Labelme, "a file of labelme")
