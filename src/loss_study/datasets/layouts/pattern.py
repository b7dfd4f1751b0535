"""Patterns of file paths, as a layout names them: ``fg_bg_mask/{background}_{object}_{place}_mask``.

A pattern describes a path without its suffix, or with it if it ends in one that is read. ``{number}`` is a whole
number (leading zeros do not count), ``{split}`` a split's name (train, val, test and the like), any other ``{word}``
some text, ``*`` any text or none; none of them matches a ``/``. A pattern is compared with the end of a path, so that
folders around the data do not matter; with a ``/`` in front it is compared with the whole path.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from loss_study.datasets.reading.images import SUFFIXES

NUMBER, SPLIT = "number", "split"
#: How folders and lists of a split are called, alone or with a year, as in train2017.
SPLIT_NAMES = {
    "train": ("train", "training", "trn"),
    "validation": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing"),
}
_SPLIT = rf"(?i:{'|'.join(name for names in SPLIT_NAMES.values() for name in names)})(?:\d{{4}})?"
_TOKEN = re.compile(r"\{(\w*)\}|\*")


class Pattern:
    """A compiled pattern; `words` are the names in braces.

    Raises:
        ValueError: a name in braces that is no identifier.
    """

    def __init__(self, text: str) -> None:
        folder, _, name = text.strip("/").rpartition("/")
        self.text = text
        self.words = tuple(dict.fromkeys(_words(text)))
        #: Number of characters that are the same in every path: the larger, the narrower is the pattern.
        self.literal = len(_TOKEN.sub("", text))
        around = "" if text.startswith("/") else "(?:.*/)?" if folder else ".*"
        self._folder = re.compile(around + _regex(folder), re.DOTALL)
        self._name = re.compile(_regex(name))
        self._has_suffix = f".{name.rpartition('.')[2].lower()}" in SUFFIXES

    def folder_words(self, folder: str) -> dict[str, str] | None:
        """Return the text of each word in the path of a folder, None if the path does not match."""
        match = self._folder.fullmatch(folder)
        return None if match is None else _without_zeros(match.groupdict())

    def name_words(self, name: str) -> dict[str, str] | None:
        """Return the text of each word in a file's name, None if the name does not match."""
        match = self._name.fullmatch(name if self._has_suffix else name.rpartition(".")[0])
        return None if match is None else _without_zeros(match.groupdict())


def split_named(text: str) -> str | None:
    """Return the split that `text` names: "train", "validation" or "test"; None if it names none."""
    if not re.fullmatch(_SPLIT, text):
        return None
    return next(split for split, names in SPLIT_NAMES.items() if text.lower().rstrip("0123456789") in names)


def check_patterns(texts: list[str]) -> list[str]:
    """Return `texts`, the patterns of one kind of file.

    Raises:
        ValueError: a brace without its partner, or patterns whose words differ.
    """
    for text in texts:
        if "{" in _TOKEN.sub("", text) or "}" in _TOKEN.sub("", text):
            raise ValueError(f"{text!r}: a brace without its partner")
    if len({frozenset(Pattern(text).words) for text in texts}) > 1:
        raise ValueError(f"{texts}: all patterns of a kind need the same words")
    return texts


def _words(text: str) -> Iterator[str]:
    for match in _TOKEN.finditer(text):
        if match[0] == "*":
            continue
        if not match[1].isidentifier():
            raise ValueError(f"{match[0]} in {text!r}: the name of a word is made of letters")
        yield match[1]


def _regex(text: str) -> str:
    parts: list[str] = []
    seen: set[str] = set()
    end = 0
    for match in _TOKEN.finditer(text):
        parts += [re.escape(text[end : match.start()]), _group(match[1], seen)]
        end = match.end()
    return "".join([*parts, re.escape(text[end:])])


def _group(word: str | None, seen: set[str]) -> str:
    if word is None:
        return "[^/]*?"
    if word in seen:
        return f"(?P={word})"
    seen.add(word)
    if word == SPLIT:
        return f"(?P<{word}>{_SPLIT})"
    # All digits or none: 1 is not the number of Image_12.
    return rf"(?<!\d)(?P<{word}>\d++)" if word == NUMBER else f"(?P<{word}>[^/]+?)"


def _without_zeros(words: dict[str, str]) -> dict[str, str]:
    if NUMBER in words:
        words[NUMBER] = str(int(words[NUMBER]))
    return words
