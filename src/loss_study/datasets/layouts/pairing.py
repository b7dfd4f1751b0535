"""Which mask, depth map and background belong to each image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from loss_study.datasets.layouts import background_lookup, list_files
from loss_study.datasets.layouts.layout import Layout
from loss_study.datasets.layouts.listing import Files, Found, Listing, find, joined
from loss_study.runtime.errors import StudyError

TARGETS = {"mask": "mask", "depth": "depth map"}
OBJECT, BACKGROUND = "object", "background"
#: In arrays of numbers: there is none.
NONE = -1


@dataclass(frozen=True)
class Pairs:
    """N images and the files that belong to each, in the order of `images`; None for what the data does not have.

    `background_of` and `object_of` are int32 (N,): positions in `backgrounds` and `objects`, the identities in use.
    `background_files` are in the order of `backgrounds`.
    """

    images: Files
    masks: Files | None
    depths: Files | None
    backgrounds: tuple[str, ...] | None
    background_of: np.ndarray | None
    background_files: Files | None
    objects: tuple[str, ...] | None
    object_of: np.ndarray | None
    notes: tuple[str, ...]


@dataclass
class _Matches:
    """N images; by kind all its files, and for each image the number of its file, `NONE` where there is none."""

    images: Found
    files: dict[str, Files]
    numbers: dict[str, np.ndarray]
    problems: list[str]


def pair(listing: Listing, layout: Layout, allow_missing: bool) -> Pairs:
    """Find the images that `layout` describes and the files that belong to each.

    Raises:
        StudyError: no file of a kind, files without their partner (unless `allow_missing`, which leaves them out and
            adds a note), two files for the same thing, or a background number that does not exist.
    """
    table = layout.list_file is not None and layout.list_file.is_table
    matches = _match_by_table(listing, layout) if table else _match_by_words(listing, layout)
    complete = np.ones(len(matches.images.files), dtype=bool)
    for kind, numbers in matches.numbers.items():
        without = np.flatnonzero(numbers == NONE)
        if len(without):
            first = matches.images.files.relative(without[0])
            matches.problems.append(f"{len(without)} images have no {TARGETS.get(kind, kind)} (first: {first})")
            complete[without] = False
    if matches.problems and not allow_missing:
        raise StudyError(
            f"{listing.root}: {'; '.join(matches.problems)}; complete the files, correct dataset.options, or leave "
            "them out with -S dataset.options.allow_missing=true"
        )
    if not complete.any():
        raise StudyError(
            f"{listing.root}: no image is complete: {'; '.join(matches.problems)}; complete the files, or correct "
            "dataset.options"
        )
    return _keep(matches, np.flatnonzero(complete), _notes(matches, listing))


def _match_by_words(listing: Listing, layout: Layout) -> _Matches:
    images = _found(listing, "image", layout.image)
    matches = _Matches(images, {}, {}, [])
    _check_distinct(images)
    for kind in TARGETS:
        if patterns := getattr(layout, kind):
            _match_kind(matches, kind, _found(listing, kind, patterns), both_ways=True)
    if layout.background:
        found = background_lookup.in_natural_order(_found(listing, BACKGROUND, layout.background))
        if layout.background_by == "name":
            _match_kind(matches, BACKGROUND, found, both_ways=False)
        else:
            matches.files[BACKGROUND] = found.files
            matches.numbers[BACKGROUND] = background_lookup.look_up(listing, layout, images, found)
    return matches


def _match_by_table(listing: Listing, layout: Layout) -> _Matches:
    table = layout.list_file
    assert table is not None and table.image is not None
    rows = list_files.read_table(listing, table)
    kinds = [kind for kind in ("image", *TARGETS, BACKGROUND) if getattr(table, kind) is not None]
    found = {kind: _found(listing, kind, getattr(layout, kind) or layout.image) for kind in kinds}
    numbers = {kind: list_files.look_up(rows, getattr(table, kind), found[kind].files, kind) for kind in kinds}
    problems = []
    exists = numbers["image"] != NONE
    if not exists.all():
        first = rows[int(np.argmin(exists))][table.image]
        problems.append(f"{np.count_nonzero(~exists)} images of {table.file} do not exist (first: {first})")
    _, once = np.unique(numbers["image"], return_index=True)
    rows_kept = once[exists[once]]
    images = found.pop("image")
    order = numbers.pop("image")[rows_kept]
    kept = Found(images.files.take(order), [images.words[number] for number in order])
    return _Matches(
        kept,
        {kind: one.files for kind, one in found.items()},
        {kind: values[rows_kept] for kind, values in numbers.items()},
        problems,
    )


def _found(listing: Listing, kind: str, patterns: Sequence[str]) -> Found:
    found = find(listing, patterns)
    if not len(found.files):
        raise StudyError(
            f"{listing.root}: no {TARGETS.get(kind, kind)} matches {' or '.join(patterns)}; correct dataset.path, or "
            f"describe your files in conf/dataset/, where null says that there is no {kind}"
        )
    return found


def _check_distinct(found: Found) -> None:
    words = sorted({word for one in found.words for word in one})
    _numbers_by_key(found, joined(found.words, words))


def _numbers_by_key(found: Found, keys: Sequence[str]) -> dict[str, int]:
    numbers: dict[str, int] = {}
    for number, key in enumerate(keys):
        if (other := numbers.setdefault(key, number)) != number:
            raise StudyError(
                f"{found.files.path(number)}: has the same words as {found.files.relative(other)}; remove one, or add "
                "a word to the pattern that tells them apart"
            )
    return numbers


def _match_kind(matches: _Matches, kind: str, found: Found, *, both_ways: bool) -> None:
    words = sorted(found.words[0])
    number_of = _numbers_by_key(found, joined(found.words, words))
    keys = joined(matches.images.words, words)
    numbers = np.array([number_of.get(key, NONE) for key in keys], dtype=np.int32)
    matches.files[kind], matches.numbers[kind] = found.files, numbers
    used = len(np.unique(numbers[numbers != NONE]))
    if both_ways and used < len(number_of):
        alone = np.setdiff1d(np.arange(len(number_of)), numbers)
        first = found.files.relative(alone[0])
        matches.problems.append(f"{len(alone)} {TARGETS[kind]}s have no image (first: {first})")


def _keep(matches: _Matches, kept: np.ndarray, notes: tuple[str, ...]) -> Pairs:
    words = [matches.images.words[number] for number in kept]
    targets = {kind: matches.files[kind].take(matches.numbers[kind][kept]) for kind in TARGETS if kind in matches.files}
    objects, object_of = _identities(words, OBJECT)
    names, background_of = _identities(words, BACKGROUND)
    files = None
    if BACKGROUND in matches.files:
        # Only those in use, in the order of their folder: no split may get backgrounds without images.
        used, background_of = np.unique(matches.numbers[BACKGROUND][kept], return_inverse=True)
        files = matches.files[BACKGROUND].take(used)
        names = _short_names(files)
    return Pairs(
        images=matches.images.files.take(kept),
        masks=targets.get("mask"),
        depths=targets.get("depth"),
        backgrounds=names,
        background_of=None if background_of is None else background_of.astype(np.int32),
        background_files=files,
        objects=objects,
        object_of=object_of,
        notes=notes,
    )


def _identities(words: Sequence[dict[str, str]], word: str) -> tuple[tuple[str, ...] | None, np.ndarray | None]:
    """Return the sorted texts of `word` and, for each image, the position of its own; None if an image has none."""
    if not all(word in one for one in words):
        return None, None
    texts = sorted({one[word] for one in words})
    position_of = {text: number for number, text in enumerate(texts)}
    return tuple(texts), np.array([position_of[one[word]] for one in words], dtype=np.int32)


def _short_names(files: Files) -> tuple[str, ...]:
    paths = [PurePosixPath(files.relative(number)).with_suffix("") for number in range(len(files))]
    stems = [path.name for path in paths]
    return tuple(stems if len(set(stems)) == len(stems) else map(str, paths))


def _notes(matches: _Matches, listing: Listing) -> tuple[str, ...]:
    notes = [f"Left out as incomplete: {problem}." for problem in matches.problems]
    matched: dict[str, int] = {}
    for files in (matches.images.files, *matches.files.values()):
        for number, count in zip(*np.unique(files.folder_of, return_counts=True), strict=True):
            matched[files.folders[number]] = matched.get(files.folders[number], 0) + int(count)
    unmatched = sum(max(0, len(listing.folders[folder]) - count) for folder, count in matched.items())
    if unmatched:
        notes.append(f"{unmatched} image files match no pattern and were left out.")
    strays = sum(len(listing.strays[folder]) for folder in matched)
    if strays:
        notes.append(f"{strays} files among the images are hidden or of another type and were left out.")
    return tuple(notes)
