"""Images with annotations in COCO's JSON format: polygons or run lengths, by category.

Source: Lin et al., Microsoft COCO: Common Objects in Context (2014), https://cocodataset.org/#format-data
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from loss_study.datasets.layouts import Listing, Pairs, Split, scan
from loss_study.datasets.layouts.outlined_dataset import (
    Categories,
    OutlinedDataset,
    Outlines,
    Shape,
    class_names,
    heads_with_invalid_pixels,
    pairs_of,
    split_in,
)
from loss_study.datasets.layouts.pattern import Pattern
from loss_study.datasets.layouts.recognise import json_kind, quoted
from loss_study.datasets.reading import annotation_files, outlines
from loss_study.datasets.reading.mask_values import typed
from loss_study.runtime.errors import StudyError

__all__ = ["check_files", "class_names", "heads_with_invalid_pixels", "open_dataset"]

#: The annotation files of the public dataset that have outlines.
INSTANCES = "instances_"


def open_dataset(
    path: Path,
    *,
    annotations: list[str] | None = None,
    classes: Mapping[str, list[str]] | None = None,
    ignored: list[str] | None = None,
    split: Split = "own",
    allow_missing: bool = False,
) -> Coco:
    """Open the images below the folder `path` that its annotation files name.

    Args:
        annotations: patterns of the annotation files; None: those whose content says so, ``instances_*`` if there are.
        classes: the names of the categories of each class; none: every category is foreground.
        ignored: categories of invalid pixels.
        split: whether the splits are used that the names of annotation files or folders say.
        allow_missing: leave out images that do not exist instead of raising an error.

    Raises:
        StudyError: no annotations, none with an outline, categories that do not exist, images that do not exist.
    """
    listing = scan(path)
    files = [(name, _read(listing.root / name)) for name in _files(listing, annotations)]
    found = _Found(listing, files, allow_missing)
    categories = Categories(classes or {}, ignored or [])
    categories.check(found.categories, path)
    pairs = pairs_of(listing, found.images, found.named, split, found.notes)
    return Coco(found, categories, [f"{len(found.images)} images with COCO annotations.", *pairs.notes], pairs)


def check_files(listing: Listing, **options: Any) -> None:
    """Check annotations and images, once they are unpacked; StudyError as `open_dataset`."""
    if listing.root.is_dir():
        open_dataset(listing.root, **options)


class Coco(OutlinedDataset):
    """The `Dataset`; of outlines that overlap the smaller ones count."""

    def __init__(self, found: _Found, categories: Categories, notes: Sequence[str], pairs: Pairs) -> None:
        super().__init__(pairs, categories, notes)
        self._outlines = found.outlines

    def outlines(self, number: int) -> Outlines:
        """Return the shapes of image `number`, the largest first."""
        return self._outlines[number]


class _Found:
    """The images of annotation files that exist, sorted by path, with their outlines."""

    def __init__(self, listing: Listing, files: Sequence[tuple[str, Any]], allow_missing: bool) -> None:
        self._paths: dict[str, list[str]] = defaultdict(list)
        for folder, names in listing.folders.items():
            for name in names:
                self._paths[name].append(f"{folder}/{name}".lstrip("/"))
        self.categories: set[str] = set()
        self._absent: list[str] = []
        self._boxes = self._all = 0
        of_path: dict[str, tuple[str, Outlines]] = {}
        for file, content in files:
            for path, outlined in self._images(listing.root / file, file, content):
                if path in of_path:
                    raise StudyError(_twice(listing.root / path, [of_path[path][0], file]))
                of_path[path] = file, outlined
        self.images = sorted(of_path)
        self.named = [f"{of_path[path][0].rpartition('.')[0]}/{path}" for path in self.images]
        self.outlines = [of_path[path][1] for path in self.images]
        self._check(listing, allow_missing)
        self.notes = self._notes(listing)

    def _images(self, whole: Path, file: str, content: Mapping[str, Any]) -> list[tuple[str, Outlines]]:
        names = {category["id"]: str(category["name"]) for category in content["categories"]}
        for one in content["annotations"]:
            if one["category_id"] not in names:
                raise StudyError(f"{whole}: no category has the id {one['category_id']!r}; correct it")
        self.categories |= set(names.values())
        annotations = defaultdict(list)
        for annotation in content["annotations"]:
            self._all += 1
            if annotation.get("segmentation"):
                annotations[annotation["image_id"]].append(annotation)
            else:
                self._boxes += 1
        found = []
        for image in content["images"]:
            path = self._path(image["file_name"], file)
            if path is None:
                self._absent.append(image["file_name"])
                continue
            ordered = sorted(annotations[image["id"]], key=lambda one: -one.get("area", 0))
            shapes: list[Shape] = [
                (names[one["category_id"]], partial(outlines.of_coco, one["segmentation"])) for one in ordered
            ]
            found.append((path, Outlines(image["width"], image["height"], shapes)))
        return found

    def _path(self, file_name: str, file: str) -> str | None:
        """Return the path of an image: in the annotations' own folder, or else where the folder says the same split."""
        said = file_name.replace("\\", "/")
        paths = [path for path in self._paths[said.rpartition("/")[2]] if f"/{path}".endswith(f"/{said}")]
        beside = f"{file.rpartition('/')[0]}/{said}".lstrip("/")
        if len(paths) < 2 or beside in paths:
            return beside if beside in paths else next(iter(paths), None)
        same = [path for path in paths if split_in(path) == split_in(file)]
        if len(same) != 1:
            raise StudyError(f"{file}: {file_name} is {paths[0]} or {paths[1]}; name the folder in file_name")
        return same[0]

    def _check(self, listing: Listing, allow_missing: bool) -> None:
        if self._absent and (not allow_missing or not self.images):
            raise StudyError(
                f"{listing.root}: {len(self._absent)} annotated images do not exist (first: {self._absent[0]}); "
                "complete them, or leave them out with -S dataset.options.allow_missing=true"
            )
        if not self.images:
            raise StudyError(f"{listing.root}: the annotations name no image; correct dataset.path")
        if self._all == self._boxes:
            raise StudyError(
                f"{listing.root}: none of {self._all} annotations has an outline, only boxes; masks need a segmentation"
            )

    def _notes(self, listing: Listing) -> list[str]:
        notes = [f"Of outlines that overlap the smaller ones count. Categories: {', '.join(sorted(self.categories))}."]
        if self._absent:
            notes.append(f"{len(self._absent)} annotated images do not exist and were left out.")
        if self._boxes:
            notes.append(f"{self._boxes} of {self._all} annotations have a box only, which is not in the masks.")
        others = sum(map(len, listing.folders.values())) - len(self.images)
        return [*notes, f"{others} images have no annotation file and were left out."] if others else notes


def _twice(image: Path, files: Sequence[str]) -> str:
    words = [f"dataset.options.annotations=[{quoted('/' + name.removesuffix('.json'))}]" for name in files]
    ways = " or ".join(typed([word]) for word in words)
    return f"{image}: has annotations in {' and in '.join(files)}; choose {ways}"


def _files(listing: Listing, patterns: list[str] | None) -> list[str]:
    if patterns is None:
        found = [path for path in listing.jsons if json_kind(listing.root / path) == "coco"]
        found = [path for path in found if path.rpartition("/")[2].startswith(INSTANCES)] or found
        if not found:
            raise StudyError(f"{listing.root}: no JSON file in it has annotations of COCO; correct dataset.path")
        return found
    compiled = [Pattern(text) for text in patterns]
    found = [
        path
        for path in listing.jsons
        for pattern in compiled
        if pattern.folder_words(path.rpartition("/")[0]) is not None
        and pattern.name_words(path.rpartition("/")[2]) is not None
    ]
    if not found:
        raise StudyError(
            f"{listing.root}: no JSON file matches {' or '.join(patterns)}; correct dataset.options.annotations"
        )
    return found


def _read(path: Path) -> Mapping[str, Any]:
    return annotation_files.read(path, annotation_files.Coco, "annotations of COCO")
