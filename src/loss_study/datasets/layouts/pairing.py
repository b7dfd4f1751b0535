"""Which mask, depth map and background belong to each picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from loss_study.datasets.layouts import backgrounds, lists
from loss_study.datasets.layouts.description import Layout
from loss_study.datasets.layouts.listing import Files, Found, Listing, find, joined
from loss_study.runtime.errors import StudyError

TARGETS = {"mask": "mask", "depth": "depth map"}
CUTOUT, BACKGROUND = "object", "background"
#: In arrays of numbers: there is none.
NONE = -1


@dataclass(frozen=True)
class Pairs:
    """N pictures and what belongs to each, in the order of `pictures`; None for what the data does not have.

    `background_of` and `cutout_of` are int32 (N,): places in `backgrounds` and `objects`, the identities in use.
    `background_files` are in the order of `backgrounds`.
    """

    images: Files
    masks: Files | None
    depths: Files | None
    backgrounds: tuple[str, ...] | None
    background_of: np.ndarray | None
    background_files: Files | None
    objects: tuple[str, ...] | None
    cutout_of: np.ndarray | None
    notes: tuple[str, ...]


@dataclass
class _Ties:
    """Numbers of the files that belong to each of N pictures, `NONE` where there is none; problems met on the way."""

    images: Found
    files: dict[str, Files]
    numbers: dict[str, np.ndarray]
    problems: list[str]


def pair(listing: Listing, layout: Layout, allow_missing: bool) -> Pairs:
    """Find the pictures that `layout` describes and what belongs to each.

    Raises:
        StudyError: nothing found for a kind, files without their partner (unless `allow_missing`, which leaves them
            out and says so in the notes), two files for the same thing, or a background number that does not exist.
    """
    table = layout.list_file is not None and layout.list_file.is_table
    ties = _ties_by_table(listing, layout) if table else _ties_by_words(listing, layout)
    whole = np.ones(len(ties.images.files), dtype=bool)
    for kind, numbers in ties.numbers.items():
        without = np.flatnonzero(numbers == NONE)
        if len(without):
            first = ties.images.files.relative(without[0])
            ties.problems.append(f"{len(without)} pictures have no {TARGETS.get(kind, kind)} (first: {first})")
            whole[without] = False
    if ties.problems and not allow_missing:
        raise StudyError(
            f"{listing.root}: {'; '.join(ties.problems)}; complete the files, correct dataset.options, or leave them "
            "out with -S dataset.options.allow_missing=true"
        )
    if not whole.any():
        raise StudyError(f"{listing.root}: not one picture is whole: {'; '.join(ties.problems)}")
    return _keep(ties, np.flatnonzero(whole), _notes(ties, listing))


def _ties_by_words(listing: Listing, layout: Layout) -> _Ties:
    pictures = _found(listing, "image", layout.image)
    ties = _Ties(pictures, {}, {}, [])
    _check_distinct(pictures)
    for kind in TARGETS:
        if templates := getattr(layout, kind):
            _tie_by_words(ties, kind, _found(listing, kind, templates), both_ways=True)
    if layout.background:
        found = backgrounds.in_order(_found(listing, BACKGROUND, layout.background))
        if layout.background_by == "name":
            _tie_by_words(ties, BACKGROUND, found, both_ways=False)
        else:
            ties.files[BACKGROUND] = found.files
            ties.numbers[BACKGROUND] = backgrounds.numbers(listing, layout, pictures, found)
    return ties


def _ties_by_table(listing: Listing, layout: Layout) -> _Ties:
    table = layout.list_file
    assert table is not None
    rows = lists.read_table(listing, table)
    kinds = [kind for kind in ("image", *TARGETS, BACKGROUND) if getattr(table, kind) is not None]
    found = {kind: _found(listing, kind, getattr(layout, kind) or layout.image) for kind in kinds}
    numbers = {kind: lists.look_up(rows, getattr(table, kind), found[kind].files, kind) for kind in kinds}
    problems = []
    there = numbers["image"] != NONE
    if not there.all():
        first = rows[int(np.argmin(there))][table.image]
        problems.append(f"{np.count_nonzero(~there)} pictures of {table.file} are not there (first: {first})")
    _, once = np.unique(numbers["image"], return_index=True)
    rows_kept = once[there[once]]
    pictures = found.pop("image")
    order = numbers.pop("image")[rows_kept]
    kept = Found(pictures.files.take(order), [pictures.words[number] for number in order])
    return _Ties(
        kept,
        {kind: one.files for kind, one in found.items()},
        {kind: values[rows_kept] for kind, values in numbers.items()},
        problems,
    )


def _found(listing: Listing, kind: str, templates: Sequence[str]) -> Found:
    found = find(listing, templates)
    if not len(found.files):
        raise StudyError(
            f"{listing.root}: no {TARGETS.get(kind, kind)} is called {' or '.join(templates)}; correct dataset.path, "
            f"or describe your files in conf/dataset/, where null says that there is no {kind}"
        )
    return found


def _check_distinct(found: Found) -> None:
    words = sorted({word for one in found.words for word in one})
    _places(found, joined(found.words, words))


def _places(found: Found, keys: Sequence[str]) -> dict[str, int]:
    places: dict[str, int] = {}
    for number, key in enumerate(keys):
        if (other := places.setdefault(key, number)) != number:
            raise StudyError(
                f"{found.files.path(number)}: cannot be told from {found.files.relative(other)}; remove one, or put "
                "what tells them apart into the pattern"
            )
    return places


def _tie_by_words(ties: _Ties, kind: str, found: Found, *, both_ways: bool) -> None:
    words = sorted(found.words[0])
    places = _places(found, joined(found.words, words))
    keys = joined(ties.images.words, words)
    numbers = np.array([places.get(key, NONE) for key in keys], dtype=np.int32)
    ties.files[kind], ties.numbers[kind] = found.files, numbers
    used = len(np.unique(numbers[numbers != NONE]))
    if both_ways and used < len(places):
        alone = np.setdiff1d(np.arange(len(places)), numbers)
        ties.problems.append(f"{len(alone)} {TARGETS[kind]}s have no picture (first: {found.files.relative(alone[0])})")


def _keep(ties: _Ties, kept: np.ndarray, notes: tuple[str, ...]) -> Pairs:
    words = [ties.images.words[number] for number in kept]
    targets = {kind: ties.files[kind].take(ties.numbers[kind][kept]) for kind in TARGETS if kind in ties.files}
    objects, cutout_of = _identities(words, CUTOUT)
    if BACKGROUND in ties.files:
        # Only those in use, in the order of their folder: a split must not be dealt backgrounds without pictures.
        used, background_of = np.unique(ties.numbers[BACKGROUND][kept], return_inverse=True)
        files = ties.files[BACKGROUND].take(used)
        names: tuple[str, ...] | None = _short_names(files)
    else:
        files = None
        names, background_of = _identities(words, BACKGROUND)
    return Pairs(
        images=ties.images.files.take(kept),
        masks=targets.get("mask"),
        depths=targets.get("depth"),
        backgrounds=names,
        background_of=None if background_of is None else background_of.astype(np.int32),
        background_files=files,
        objects=objects,
        cutout_of=cutout_of,
        notes=notes,
    )


def _identities(words: Sequence[dict[str, str]], word: str) -> tuple[tuple[str, ...] | None, np.ndarray | None]:
    """Return the sorted texts of `word` and, for each picture, the place of its own; None where a picture has none."""
    if not all(word in one for one in words):
        return None, None
    texts = sorted({one[word] for one in words})
    place = {text: number for number, text in enumerate(texts)}
    return tuple(texts), np.array([place[one[word]] for one in words], dtype=np.int32)


def _short_names(files: Files) -> tuple[str, ...]:
    paths = [PurePosixPath(files.relative(number)).with_suffix("") for number in range(len(files))]
    stems = [path.name for path in paths]
    return tuple(stems if len(set(stems)) == len(stems) else map(str, paths))


def _notes(ties: _Ties, listing: Listing) -> tuple[str, ...]:
    notes = [f"Left out as incomplete: {problem}." for problem in ties.problems]
    all_files = [ties.images.files, *(files for kind, files in ties.files.items())]
    matched: dict[str, int] = {}
    for files in all_files:
        for place, count in zip(*np.unique(files.folder_of, return_counts=True), strict=True):
            matched[files.folders[place]] = matched.get(files.folders[place], 0) + int(count)
    strays = sum(max(0, len(listing.folders[folder]) - count) for folder, count in matched.items())
    if strays:
        notes.append(f"{strays} picture files fit no pattern and were passed over.")
    others = sum(listing.strays[folder] for folder in matched)
    if others:
        notes.append(f"{others} files among the pictures are hidden or of another kind and were passed over.")
    return tuple(notes)
