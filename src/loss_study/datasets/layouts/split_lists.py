"""Text files that list the images of each split: train.txt, val.txt, test.txt."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from loss_study.data.packed import SPLITS
from loss_study.datasets.layouts.listing import Listing
from loss_study.datasets.layouts.pattern import SPLIT, Pattern, split_named
from loss_study.datasets.reading.images import SUFFIXES
from loss_study.runtime.errors import StudyError


def find_lists(listing: Listing, pattern: str) -> dict[str, list[str]]:
    """Return the paths of the lists that match `pattern`, by the split that its ``{split}`` names."""
    compiled = Pattern(pattern)
    found: dict[str, list[str]] = defaultdict(list)
    for path in listing.lists:
        folder, _, name = path.rpartition("/")
        above, own = compiled.folder_words(folder), compiled.name_words(name)
        if above is not None and own is not None and (split := split_named((above | own)[SPLIT])):
            found[split].append(path)
    return dict(found)


def splits_of(listing: Listing, pattern: str, images: Sequence[str]) -> tuple[list[str | None], list[str]]:
    """Return the split of each of the paths `images`, None for those in no list, and notes.

    A line names an image by its path or name, with or without suffix; after it, other words may follow. An image in
    several lists counts as test, or else as validation, so that no model is tested on an image that it was trained on.

    Raises:
        StudyError: no list matches, or a line names several images.
    """
    lists = find_lists(listing, pattern)
    if not lists:
        raise StudyError(
            f"{listing.root}: no text file matches {pattern}; correct dataset.options.files.split_list, or split "
            "at random with -S dataset.options.files.split_list=null"
        )
    number_of = _Lookup(images)
    split_of: list[str | None] = [None] * len(images)
    twice, absent = set(), []
    for split in SPLITS:
        for path in lists.get(split, ()):
            for line in _lines(listing, path):
                number = number_of.find(line, path)
                if number is None:
                    absent.append(line)
                    continue
                if split_of[number] not in (None, split):
                    twice.add(number)
                split_of[number] = split
    notes = [f"{len(absent)} lines of the lists name no image (first: {absent[0]})."] if absent else []
    if twice:
        notes.append(
            f"{len(twice)} images are in two lists and count as test or validation (first: {images[min(twice)]})."
        )
    return split_of, notes


def listed_share(listing: Listing, pattern: str, images: Sequence[str]) -> float:
    """Return the share of the lines of the lists that match `pattern` which name one of `images`."""
    number_of = _Lookup(images)
    lines = [
        line for paths in find_lists(listing, pattern).values() for path in paths for line in _lines(listing, path)
    ]
    return sum(number_of.stem(line) in number_of.numbers for line in lines) / len(lines) if lines else 0.0


class _Lookup:
    """Finds the number of an image by what a line says of it."""

    def __init__(self, images: Sequence[str]) -> None:
        self.images = images
        self.numbers: dict[str, list[int]] = defaultdict(list)
        for number, path in enumerate(images):
            self.numbers[_stem(path)].append(number)

    def find(self, line: str, path: str) -> int | None:
        """Return the number of the image that `line` of the list `path` names; None if there is none."""
        stem = self.stem(line)
        found = self.numbers.get(stem, [])
        if len(found) > 1:
            said = _without_suffix(line if _stem(line) == stem else line.split(maxsplit=1)[0])
            found = [number for number in found if f"/{_without_suffix(self.images[number])}".endswith(f"/{said}")]
        if len(found) > 1:
            raise StudyError(
                f"{path}: {line!r} is the name of {self.images[found[0]]} and of {self.images[found[1]]}; write the "
                "folder, too"
            )
        return found[0] if found else None

    def stem(self, line: str) -> str:
        """Return the name without folder and suffix that `line` is, or begins with."""
        whole = _stem(line)
        return whole if whole in self.numbers else _stem(line.replace(",", " ").split()[0])


def _lines(listing: Listing, path: str) -> Iterator[str]:
    text = (listing.root / path).read_text(encoding="utf-8", errors="surrogateescape")
    return (line.strip() for line in text.splitlines() if line.strip(" ,\t") and not line.startswith("#"))


def _without_suffix(path: str) -> str:
    pure = PurePosixPath(path.strip().replace("\\", "/"))
    return str(pure.with_suffix("") if pure.suffix.lower() in SUFFIXES else pure).removeprefix("./")


def _stem(path: str) -> str:
    return _without_suffix(path).rpartition("/")[2]
