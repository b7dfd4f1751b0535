"""The files in a folder, and those that match a pattern."""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from loss_study.datasets.layouts.pattern import Pattern
from loss_study.datasets.reading.images import SUFFIXES
from loss_study.runtime.errors import StudyError

LIST_SUFFIXES = frozenset({".csv", ".log", ".tsv", ".txt"})
JSON = ".json"
#: Levels of subfolders that are searched: links between folders may form a cycle.
MAX_DEPTH = 8


@dataclass(frozen=True)
class Listing:
    """The files below `root`: image files by folder (relative, with "/" between parts), lists and JSON files; sorted.

    `strays` are the other files of each folder: hidden ones such as ``._a.jpg``, and those of other types.
    """

    root: Path
    folders: dict[str, list[str]]
    lists: list[str]
    jsons: list[str]
    strays: dict[str, list[str]]

    def without(self, exclude: Sequence[str]) -> Listing:
        """Return the listing without the folders that match one of the patterns `exclude`, and what is below them."""
        patterns = [Pattern(text.rstrip("/") + "/*") for text in exclude]

        def keeps(folder: str) -> bool:
            parts = folder.split("/")
            above = ("/".join(parts[:count]) for count in range(1, len(parts) + 1))
            return all(pattern.folder_words(one) is None for one in above for pattern in patterns)

        def keeps_file(path: str) -> bool:
            return keeps(path.rpartition("/")[0])

        if not patterns:
            return self
        return Listing(
            self.root,
            {folder: names for folder, names in self.folders.items() if keeps(folder)},
            list(filter(keeps_file, self.lists)),
            list(filter(keeps_file, self.jsons)),
            {folder: names for folder, names in self.strays.items() if keeps(folder)},
        )


def scan(root: Path) -> Listing:
    """List the folder `root`; hidden and stray files are skipped.

    Raises:
        StudyError: no such folder.
    """
    if not root.is_dir():
        raise StudyError(f"dataset.path: {root} is not a folder; set it to the folder or archive of your data")
    files = {}
    for path, subfolders, names in os.walk(root, followlinks=True):
        folder = os.path.relpath(path, root).replace(os.sep, "/")
        folder = "" if folder == "." else folder
        subfolders[:] = [name for name in subfolders if not _is_hidden(name) and folder.count("/") < MAX_DEPTH]
        files[folder] = names
    return listed(root, files)


def listed(root: Path, files: Mapping[str, Sequence[str]]) -> Listing:
    """Return the listing of the names in `files`, by folder; `root` is where they are, or will be."""
    listing = Listing(root, {}, [], [], {})
    for folder in sorted(files):
        sorted_into: dict[str, list[str]] = {"image": [], "list": [], "json": [], "stray": []}
        for name in sorted(files[folder]):
            sorted_into[_kind(name)].append(name)
        if sorted_into["image"]:
            listing.folders[folder] = sorted_into["image"]
        listing.lists.extend(f"{folder}/{name}".lstrip("/") for name in sorted_into["list"])
        listing.jsons.extend(f"{folder}/{name}".lstrip("/") for name in sorted_into["json"])
        listing.strays[folder] = sorted_into["stray"]
    listing.lists.sort()
    listing.jsons.sort()
    return listing


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _kind(name: str) -> str:
    suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122 -- a Path for each of a million names takes seconds
    if _is_hidden(name):
        return "stray"
    return (
        "image" if suffix in SUFFIXES else "list" if suffix in LIST_SUFFIXES else "json" if suffix == JSON else "stray"
    )


@dataclass(frozen=True)
class Files:
    """Many paths in little memory: for each a folder and a name."""

    root: Path
    folders: tuple[str, ...]
    folder_of: np.ndarray  # int32 (N,)
    names: np.ndarray  # bytes (N,)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, number: int) -> Path:
        """Return the path of file `number`, as `path` does."""
        return self.path(number)

    def relative(self, number: int) -> str:
        """Return the path of file `number` relative to the root."""
        folder, name = self.folders[self.folder_of[number]], os.fsdecode(bytes(self.names[number]))
        return f"{folder}/{name}" if folder else name

    def path(self, number: int) -> Path:
        """Return the path of file `number`."""
        return self.root / self.relative(number)

    def take(self, numbers: np.ndarray) -> Files:
        """Return the files `numbers`, in this order."""
        return Files(self.root, self.folders, self.folder_of[numbers], self.names[numbers])


@dataclass(frozen=True)
class Found:
    """Files, and for each the text of the words in its pattern."""

    files: Files
    words: list[dict[str, str]]


def files_at(listing: Listing, paths: Sequence[str]) -> Files:
    """Return the files at `paths`, relative to the root, in this order."""
    folders = tuple(sorted(listing.folders))
    number_of = {folder: number for number, folder in enumerate(folders)}
    split = [path.rpartition("/") for path in paths]
    numbers = np.array([number_of[folder] for folder, _, _ in split], dtype=np.int32)
    return Files(listing.root, folders, numbers, np.array([os.fsencode(name) for *_, name in split], dtype=np.bytes_))


def find(listing: Listing, patterns: Sequence[str], others: Sequence[str] = ()) -> Found:
    """Return the files that match one of `patterns`, sorted by path, but not a narrower one of `others`."""
    compiled, rivals = ([Pattern(text) for text in texts] for texts in (patterns, others))
    folder_of, names, words = [], [], []
    folders = tuple(sorted(listing.folders))
    for number, folder in enumerate(folders):
        here = [(one, above) for one in compiled if (above := one.folder_words(folder)) is not None]
        narrower = [one for one in rivals if here and one.folder_words(folder) is not None]
        for name in listing.folders[folder] if here else ():
            found = _first_match(here, narrower, name)
            if found is not None:
                folder_of.append(number)
                names.append(os.fsencode(name))
                words.append(found)
    files = Files(listing.root, folders, np.array(folder_of, dtype=np.int32), np.array(names, dtype=np.bytes_))
    return Found(files, words)


def _first_match(
    patterns: Sequence[tuple[Pattern, dict[str, str]]], others: Sequence[Pattern], name: str
) -> dict[str, str] | None:
    for pattern, above in patterns:
        found = pattern.name_words(name)
        if found is not None and all(above.get(word, text) == text for word, text in found.items()):
            if any(other.literal > pattern.literal and other.name_words(name) is not None for other in others):
                return None
            # The same backgrounds and objects occur in thousands of names.
            return {word: sys.intern(text) for word, text in {**above, **found}.items()}
    return None


def joined(words: Sequence[dict[str, str]], which: Sequence[str]) -> list[str]:
    """Return a key for each file: two keys are equal if all words of `which` have the same text."""
    return [composed("\0".join([one.get(word, "") for word in which])) for one in words]


def composed(text: str) -> str:
    """Return `text` with one character for each accented letter, which some programs write as two (Unicode's NFC)."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)
