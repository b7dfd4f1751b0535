"""List files: tables and logs that say which files belong together."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TextIO

import numpy as np

from loss_study.datasets.layouts.layout import ListFile
from loss_study.datasets.layouts.listing import Files, Listing
from loss_study.datasets.layouts.pattern import Pattern
from loss_study.datasets.reading.images import SUFFIXES
from loss_study.runtime.errors import StudyError, nearest

_BETWEEN_NAMES = re.compile(r"[\s,;:|=>\"'()\[\]{}]+")


def paths(listing: Listing, pattern: str) -> list[Path]:
    """Return the text and CSV files that match `pattern`.

    Raises:
        StudyError: there is none.
    """
    compiled = Pattern(pattern)
    found = []
    for path in map(PurePosixPath, listing.lists):
        folder = "" if str(path.parent) == "." else str(path.parent)
        if compiled.folder_words(folder) is not None and compiled.name_words(path.name) is not None:
            found.append(listing.root / path)
    if not found:
        raise StudyError(f"{listing.root}: no list file (CSV, text) matches {pattern}; put it beside the images")
    return found


def columns(path: Path) -> list[str]:
    """Return the names in a table's first line."""
    with _open(path) as file:
        return next(csv.reader(file, delimiter=_delimiter(path)), [])


def has_columns(path: Path, table: ListFile) -> bool:
    """Whether the file at `path` has every column that `table` names."""
    try:
        return set(_named(table)) <= set(columns(path))
    except (UnicodeDecodeError, csv.Error):
        return False


def read_table(listing: Listing, table: ListFile) -> list[dict[str, str]]:
    """Return the rows of all matching tables, with the columns that `table` names.

    Raises:
        StudyError: no such file, no such column, or not readable as a table.
    """
    rows: list[dict[str, str]] = []
    for path in paths(listing, table.file):
        known = columns(path)
        for name in _named(table):
            if name not in known:
                raise StudyError(f"{path}: no column {name!r}; {nearest(name, known)}")
        try:
            with _open(path) as file:
                for row in csv.DictReader(file, delimiter=_delimiter(path)):
                    rows.append({name: row[name] or "" for name in _named(table)})  # noqa: PERF401
        except (UnicodeDecodeError, csv.Error) as error:
            raise StudyError(f"{path}: not a CSV file in UTF-8 ({error}); save it again as one") from None
    if not rows:
        raise StudyError(f"{listing.root}: the table {table.file} has no rows; complete it, or correct list_file")
    return rows


def look_up(rows: Sequence[dict[str, str]], column: str, files: Files, kind: str) -> np.ndarray:
    """Return for each row the number of the file of `files` that `column` names, int32; -1 where it is not there.

    Raises:
        StudyError: two files in different folders have that name.
    """
    positions: dict[str, int] = {}
    twice: dict[str, int] = {}
    for number in range(len(files)):
        stem = _stem(files.relative(number))
        if positions.setdefault(stem, number) != number:
            twice[stem] = number
    numbers = np.empty(len(rows), dtype=np.int32)
    for position, row in enumerate(rows):
        stem = _stem(row[column])
        if stem in twice:
            raise StudyError(
                f"{files.path(twice[stem])}: has the same name as {files.relative(positions[stem])}; name the "
                f"folder of the {kind} files in dataset.options.layouts"
            )
        numbers[position] = positions.get(stem, -1)
    return numbers


def read_log(listing: Listing, log: ListFile, images: Files, backgrounds: Files) -> np.ndarray:
    """Return for each image the number of the background that is named on the same line, int32; -1 if none is.

    Raises:
        StudyError: no such file, or an image that is named with two backgrounds.
    """
    image_of = {_stem(images.relative(number)): number for number in range(len(images))}
    background_of = {_stem(backgrounds.relative(number)): number for number in range(len(backgrounds))}
    found_for = np.full(len(images), -1, dtype=np.int32)
    for path in paths(listing, log.file):
        for line_number, line in enumerate(_lines(path), 1):
            names = {_stem(name) for name in _BETWEEN_NAMES.split(line)}
            found = {background_of[name] for name in names if name in background_of}
            for image in {image_of[name] for name in names if name in image_of}:
                if len(found) > 1 or (found and found_for[image] not in (-1, *found)):
                    raise StudyError(
                        f"{path}, line {line_number}: a second background for {images.relative(image)}; correct it"
                    )
                found_for[image] = found.pop() if found else found_for[image]
    return found_for


def _named(table: ListFile) -> list[str]:
    return [name for name in (table.image, table.mask, table.depth, table.background) if name is not None]


def _stem(name: str) -> str:
    last = name.strip().replace("\\", "/").rsplit("/", 1)[-1]
    stem, dot, suffix = last.rpartition(".")
    return stem if f"{dot}{suffix}".lower() in SUFFIXES else last


def _open(path: Path) -> TextIO:
    return path.open(encoding="utf-8-sig", newline="")


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        yield from file


def _delimiter(path: Path) -> str:
    with _open(path) as file:
        head = file.readline()
    return max(",;\t", key=head.count)
