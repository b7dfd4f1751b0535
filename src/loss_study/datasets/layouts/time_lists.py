"""Images and depth maps with time stamps: rgb.txt and depth.txt, each line a time and a path, as of TUM's benchmark."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loss_study.datasets.layouts.layout import TimeLists
from loss_study.datasets.layouts.listing import Files, Found, Listing, files_at
from loss_study.datasets.layouts.pattern import NUMBER, Pattern
from loss_study.datasets.layouts.recognise import quoted
from loss_study.datasets.reading.mask_values import typed
from loss_study.runtime.errors import StudyError

SCENE = "scene"


@dataclass(frozen=True)
class Matched:
    """N images in the order of time, with their scene and their ``{number}`` in it as words, and their depth maps."""

    images: Found
    depths: Files
    notes: list[str]


def match(listing: Listing, lists: TimeLists) -> Matched:
    """Return the images that have a depth map within `max_seconds`; the nearest two come together first.

    Raises:
        StudyError: no such lists, a line that is not a time and a path, or no image with a depth map.
    """
    images, depths, words = [], [], []
    alone = 0
    for path in _paths(listing, lists.image):
        folder = path.rpartition("/")[0]
        beside = [other for other in _paths(listing, lists.depth) if other.rpartition("/")[0] == folder]
        if not beside:
            raise StudyError(f"{listing.root / path}: no list {lists.depth} beside it; add it" + _or_exclude(folder))
        rows, depth_rows = _rows(listing, path), _rows(listing, beside[0])
        times, depth_times = (np.array([time for time, _ in some]) for some in (rows, depth_rows))
        pairs = _nearest(times, depth_times, lists.max_seconds)
        alone += len(rows) - len(pairs)
        for number, (image, depth) in enumerate(pairs):
            images.append(rows[image][1])
            depths.append(depth_rows[depth][1])
            words.append({SCENE: folder or ".", NUMBER: str(number)})
    if not images:
        raise StudyError(
            f"{listing.root}: no image has a depth map within {lists.max_seconds:g} s; correct the lists, or set "
            "dataset.options.files.time_lists.max_seconds"
        )
    notes = [f"{alone} images without a depth map within {lists.max_seconds:g} s"] if alone else []
    return Matched(Found(files_at(listing, images), words), files_at(listing, depths), notes)


def _or_exclude(folder: str) -> str:
    """Return the words that leave `folder` out; the root cannot be left out."""
    if not folder:
        return ""
    return ", or leave its folder out with " + typed([f"dataset.options.files.exclude=[{quoted('/' + folder)}]"])


def _paths(listing: Listing, pattern: str) -> list[str]:
    compiled = Pattern(pattern)
    found = [path for path in listing.lists if _matches(compiled, path)]
    if not found:
        raise StudyError(f"{listing.root}: no text file matches {pattern}; correct dataset.options.files.time_lists")
    return found


def _matches(pattern: Pattern, path: str) -> bool:
    folder, _, name = path.rpartition("/")
    return pattern.folder_words(folder) is not None and pattern.name_words(name) is not None


def _rows(listing: Listing, path: str) -> list[tuple[float, str]]:
    """Return times and paths (relative to the root) of the images in a list that exist, sorted by time."""
    folder = path.rpartition("/")[0]
    existing = {f"{one}/{name}".lstrip("/") for one, names in listing.folders.items() for name in names}
    rows = []
    for number, line in enumerate((listing.root / path).read_text("utf-8", "surrogateescape").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        time, _, name = line.strip().replace(",", " ").partition(" ")
        try:
            rows.append((float(time), f"{folder}/{name.strip()}".lstrip("/")))
        except ValueError:
            raise StudyError(f"{listing.root / path}, line {number}: not a time and a path; correct it") from None
    found = sorted(row for row in rows if row[1] in existing)
    if rows and not found:
        raise StudyError(f"{listing.root / path}: none of its files exist (first: {rows[0][1]}); complete them")
    return found


def _nearest(times: np.ndarray, others: np.ndarray, most: float) -> list[tuple[int, int]]:
    """Return pairs of places in two sorted arrays of times, at most `most` apart; the nearest come together first."""
    candidates = []
    for place, time in enumerate(times):
        first, last = np.searchsorted(others, [time - most, time + most])
        candidates += [(abs(others[other] - time), place, other) for other in range(first, min(last + 1, len(others)))]
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for apart, place, other in sorted(candidates):
        if apart <= most and place not in pairs and other not in taken:
            pairs[place] = other
            taken.add(other)
    return sorted(pairs.items())
