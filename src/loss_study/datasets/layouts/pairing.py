"""Which mask, depth map and background belong to each image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

import numpy as np

from loss_study.data.packed import SPLITS
from loss_study.datasets.layouts import background_lookup, frames, list_files, split_lists, time_lists
from loss_study.datasets.layouts.layout import KINDS, Layout
from loss_study.datasets.layouts.listing import Files, Found, Listing, find, joined
from loss_study.datasets.layouts.pattern import SPLIT, Pattern, split_named
from loss_study.datasets.reading.images import SUFFIXES
from loss_study.runtime.errors import StudyError
from loss_study.runtime.printable import printable

TARGETS = {"mask": "mask", "depth": "depth map"}
BACKGROUND = "background"
#: In arrays of numbers: there is none.
NONE = -1


@dataclass(frozen=True)
class Pairs:
    """N images and the files that belong to each, in the order of `images`; None for what the data does not have.

    `background_of` and `object_of` are int32 (N,): positions in `backgrounds` and `objects`, the identities in use.
    `background_files` are in the order of `backgrounds`. `group` is what an object is: an object, a patient, a clip.
    Where images have several masks, `more_masks` are those beside the first, and `more_of` the image of each.
    `split_of` is the split of each image, "train", "validation" or "test", in the data's own folders or lists.
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
    group: str = "object"
    more_masks: Files | None = None
    more_of: np.ndarray | None = None
    split_of: np.ndarray | None = None


@dataclass
class _Matches:
    """N images; by kind all its files, and for each image the number of its file, `NONE` where there is none.

    `more` are further masks: the number of the image, and that of the file. `problems` are errors, `left_out` is not.
    """

    images: Found
    files: dict[str, Files]
    numbers: dict[str, np.ndarray]
    problems: list[str]
    more: list[tuple[int, int]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def pair(listing: Listing, layout: Layout, allow_missing: bool, *, own_splits: bool = True) -> Pairs:
    """Find the images that `layout` describes, nothing in which is ``auto``, and the files that belong to each.

    Raises:
        StudyError: no file of a kind, files without their partner (unless `allow_missing`, which leaves them out and
            adds a note), two files for the same thing, or a background number that does not exist.
    """
    listing = listing.without(layout.exclude)
    matches = _matches(listing, layout)
    split_of, notes = _splits(listing, layout, matches.images)
    complete = np.ones(len(matches.images.files), dtype=bool) if split_of is None else split_of != ""
    for kind, numbers in matches.numbers.items():
        without = np.flatnonzero((numbers == NONE) & complete)
        if len(without):
            first = matches.images.files.relative(without[0])
            stray = _stray(listing, getattr(layout, kind), matches.images.words[without[0]])
            matches.problems.append(f"{len(without)} images have no {TARGETS.get(kind, kind)} (first: {first}{stray})")
        complete &= numbers != NONE
    if matches.problems and not allow_missing:
        raise StudyError(
            f"{listing.root}: {'; '.join(matches.problems)}; complete the files, correct dataset.options, or leave "
            "them out with -S dataset.options.allow_missing=true"
        )
    if not complete.any():
        raise StudyError(
            f"{listing.root}: no image is complete: {'; '.join([*matches.problems, *matches.left_out])}; complete the "
            "files, or correct dataset.options"
        )
    kept = np.flatnonzero(complete)
    if split_of is not None and own_splits:
        split_of, note = usable_splits(split_of[kept])
        notes.append(note)
    elif split_of is not None:
        split_of, notes = None, [*notes, "The data's own splits are not used (dataset.options.split)."]
    return replace(_keep(matches, kept, layout, (*_notes(matches, listing), *notes)), split_of=split_of)


def _matches(listing: Listing, layout: Layout) -> _Matches:
    if layout.time_lists is not None:
        found = time_lists.match(listing, layout.time_lists)
        everything = np.arange(len(found.depths), dtype=np.int32)
        return _Matches(found.images, {"depth": found.depths}, {"depth": everything}, [], left_out=found.notes)
    table = layout.list_file is not None and layout.list_file.is_table
    return _match_by_table(listing, layout) if table else _match_by_words(listing, layout)


def _splits(listing: Listing, layout: Layout, images: Found) -> tuple[np.ndarray | None, list[str]]:
    """Return the split of each image by its list or folder, "" for one in no list, and notes; None without splits."""
    notes: list[str] = []
    if layout.split_list is not None:
        paths = [images.files.relative(number) for number in range(len(images.files))]
        listed, notes = split_lists.splits_of(listing, layout.split_list, paths)
        split_of = np.array([split or "" for split in listed])
        absent = int((split_of == "").sum())
        notes += [f"{absent} images are in no list and were left out."] if absent else []
    elif all(SPLIT in words for words in images.words):
        split_of = np.array([split_named(words[SPLIT]) or "" for words in images.words])
    else:
        return None, notes
    return split_of, notes


def usable_splits(split_of: np.ndarray) -> tuple[np.ndarray | None, str]:
    """Return the splits of the images if there is one for training and one to test on, otherwise None; and a note."""
    counts = {split: int((split_of == split).sum()) for split in SPLITS}
    listed = ", ".join(f"{count} of {split}" for split, count in counts.items() if count)
    if counts["train"] and len(split_of) > counts["train"]:
        return split_of, f"The data's own splits are used ({listed}); for others say -S dataset.options.split=random."
    return None, f"The data's own folders or lists have one split only ({listed}): it is split again."


def _match_by_words(listing: Listing, layout: Layout) -> _Matches:
    found = {kind: _found(listing, kind, layout) for kind in KINDS if getattr(layout, kind)}
    images = found["image"]
    matches = _Matches(images, {}, {}, [])
    _check_distinct(images)
    for kind in TARGETS:
        if kind in found:
            _match_kind(matches, kind, found[kind], both_ways=True)
    if BACKGROUND in found:
        backgrounds = background_lookup.in_natural_order(found[BACKGROUND])
        if layout.background_by == "name":
            _match_kind(matches, BACKGROUND, backgrounds, both_ways=False)
        else:
            matches.files[BACKGROUND] = backgrounds.files
            matches.numbers[BACKGROUND] = background_lookup.look_up(listing, layout, images, backgrounds)
    return matches


def _match_by_table(listing: Listing, layout: Layout) -> _Matches:
    table = layout.list_file
    assert table is not None and table.image is not None
    rows = list_files.read_table(listing, table)
    kinds = [kind for kind in ("image", *TARGETS, BACKGROUND) if getattr(table, kind) is not None]
    named = {kind: getattr(layout, kind) or layout.image for kind in kinds}
    found = {kind: _found(listing, kind, layout.model_copy(update=named), alone=True) for kind in kinds}
    numbers = {kind: list_files.look_up(rows, getattr(table, kind), found[kind].files, kind) for kind in kinds}
    problems = []
    exists = numbers["image"] != NONE
    if not exists.all():
        first = rows[int(np.argmin(exists))][table.image]
        problems.append(f"{np.count_nonzero(~exists)} images of {table.file} do not exist (first: {first})")
    _, once, same = np.unique(numbers["image"], return_index=True, return_inverse=True)
    for kind, values in numbers.items():
        others = np.flatnonzero((values != values[once][same]) & exists)
        if len(others):
            second = f"a second {TARGETS.get(kind, kind)} for {rows[others[0]][table.image]}"
            raise StudyError(f"{listing.root}: the table {table.file} names {second}; correct it")
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


def _found(listing: Listing, kind: str, layout: Layout, *, alone: bool = False) -> Found:
    """Return the files of a kind; those that match a narrower pattern of another kind are not, unless it is `alone`."""
    patterns = getattr(layout, kind)
    others = [text for other in KINDS if other != kind and not alone for text in getattr(layout, other)]
    found = find(listing, patterns, others)
    if not len(found.files):
        raise StudyError(
            f"{listing.root}: no {TARGETS.get(kind, kind)} matches {' or '.join(patterns)}{_stray(listing, patterns)}; "
            f"correct dataset.path, or describe your files in conf/dataset/, where null says that there is no {kind}"
        )
    return found


def _stray(listing: Listing, patterns: Sequence[str], words: Mapping[str, str] | None = None) -> str:
    """Return ``, but x.psd is there; read are ...`` for a file with the right name and another suffix, else ""."""
    for pattern in map(Pattern, patterns):
        for folder, names in listing.strays.items():
            above = pattern.folder_words(folder)
            for name in names if above is not None else ():
                own = pattern.name_words(name)
                texts = None if own is None or above is None else above | own
                if texts is not None and all((words or texts).get(word) == text for word, text in texts.items()):
                    path = f"{folder}/{name}".lstrip("/")
                    return f", but {path} is there, and only {', '.join(sorted(SUFFIXES))} are read"
    return ""


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
    """Find the file of each image by the words that both have; `found` may have others if there are several files."""
    words = sorted(set(found.words[0]) & set(matches.images.words[0]))
    several = len(words) < len(found.words[0])
    keys_of_files = joined(found.words, words)
    number_of = _first_of_each(keys_of_files) if several else _numbers_by_key(found, keys_of_files)
    keys = joined(matches.images.words, words)
    if several and kind != BACKGROUND:
        _numbers_by_key(matches.images, keys)
    numbers = np.array([number_of.get(key, NONE) for key in keys], dtype=np.int32)
    matches.files[kind], matches.numbers[kind] = found.files, numbers
    if several:
        image_of = {key: number for number, key in enumerate(keys)}
        more = [(image_of[key], n) for n, key in enumerate(keys_of_files) if key in image_of and number_of[key] != n]
        if kind == BACKGROUND and more:
            matches.left_out.append(f"{len(more)} further files of backgrounds, of each of which the first is used")
        matches.more += more if kind != BACKGROUND else []
    alone = [number_of[key] for key in number_of.keys() - set(keys)] if both_ways else []
    if alone:
        first = found.files.relative(min(alone))
        matches.problems.append(f"{len(alone)} {TARGETS[kind]}s have no image (first: {first})")


def _first_of_each(keys: Sequence[str]) -> dict[str, int]:
    return {key: number for number, key in reversed(list(enumerate(keys)))}


def _keep(matches: _Matches, kept: np.ndarray, layout: Layout, notes: tuple[str, ...]) -> Pairs:
    images = matches.images.files.take(kept)
    words = [matches.images.words[number] for number in kept]
    targets = {kind: matches.files[kind].take(matches.numbers[kind][kept]) for kind in TARGETS if kind in matches.files}
    group, words_of_groups = layout.group_word, words
    if layout.frames is not None:
        group, clips = frames.CLIP, frames.clips(images, words, layout.frames)
        words_of_groups = [{group: clip} for clip in clips]
        notes = (*notes, f"The images are {len(set(clips))} clips of about {layout.frames} consecutive frames.")
    objects, object_of = _identities(words_of_groups, group)
    names, background_of = _identities(words, BACKGROUND)
    place_of = {int(number): place for place, number in enumerate(kept)}
    more = [(place_of[image], number) for image, number in matches.more if image in place_of]
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
        group=group,
        more_masks=matches.files["mask"].take(np.array([number for _, number in more])) if more else None,
        more_of=np.array([image for image, _ in more], dtype=np.int32) if more else None,
    )


def _identities(words: Sequence[dict[str, str]], word: str) -> tuple[tuple[str, ...] | None, np.ndarray | None]:
    """Return the sorted texts of `word` and, for each image, the position of its own; None if an image has none."""
    if not all(word in one for one in words):
        return None, None
    texts = sorted({one[word] for one in words})
    position_of = {text: number for number, text in enumerate(texts)}
    return tuple(map(printable, texts)), np.array([position_of[one[word]] for one in words], dtype=np.int32)


def _short_names(files: Files) -> tuple[str, ...]:
    paths = [PurePosixPath(files.relative(number)).with_suffix("") for number in range(len(files))]
    stems = [path.name for path in paths]
    return tuple(map(printable, stems if len(set(stems)) == len(stems) else map(str, paths)))


def _notes(matches: _Matches, listing: Listing) -> tuple[str, ...]:
    notes = [f"Left out as incomplete: {problem}." for problem in matches.problems]
    notes += [f"Left out: {what}." for what in matches.left_out]
    if matches.more:
        notes.append(f"Several masks of one image were united: {len(matches.more)} are beside the first one.")
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
