"""The words that describe how a copy of some data lies on disk.

A `Template` describes files by path, without the suffix: ``fg_bg_mask/{background}_{object}_{place}_mask``.
``{number}`` stands for a whole number, leading zeros aside, any other ``{word}`` for some text, ``*`` for any text or
none; none of them reaches across a ``/``. Where two kinds use the same word, the text there ties their files together.
A template is compared with the end of a path, so that folders around the data do not matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

NUMBER = "number"
_TOKEN = re.compile(r"\{(\w*)\}|\*")


class Template:
    """A compiled template; see the module."""

    def __init__(self, text: str) -> None:
        folder, _, name = text.strip("/").rpartition("/")
        self.text = text
        self.words = tuple(dict.fromkeys(_words(text)))
        self._folder = re.compile(f"(?:.*/)?{_pattern(folder)}" if folder else ".*")
        self._name = re.compile(_pattern(name))

    def folder_words(self, folder: str) -> dict[str, str] | None:
        """Return the words in the path of a folder, None if it does not match."""
        match = self._folder.fullmatch(folder)
        return None if match is None else _normal(match.groupdict())

    def name_words(self, stem: str) -> dict[str, str] | None:
        """Return the words in a file's name without suffix, None if it does not match."""
        match = self._name.fullmatch(stem)
        return None if match is None else _normal(match.groupdict())


def _words(text: str) -> Iterator[str]:
    for match in _TOKEN.finditer(text):
        if match[0] == "*":
            continue
        if not match[1].isidentifier():
            raise ValueError(f"{match[0]} in {text!r}: a word is made of letters")
        yield match[1]


def _pattern(text: str) -> str:
    parts, seen, end = [], set(), 0
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
    # All digits or none: 1 is not the number of Image_12.
    return rf"(?<!\d)(?P<{word}>\d++)" if word == NUMBER else f"(?P<{word}>[^/]+?)"


def _normal(words: dict[str, str]) -> dict[str, str]:
    if NUMBER in words:
        words[NUMBER] = str(int(words[NUMBER]))
    return words


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else [] if value is None else value


def _compiles(texts: list[str]) -> list[str]:
    for text in texts:
        if "{" in _TOKEN.sub("", text) or "}" in _TOKEN.sub("", text):
            raise ValueError(f"{text!r}: a brace without its partner")
    if len({frozenset(Template(text).words) for text in texts}) > 1:
        raise ValueError(f"{texts}: all patterns of a kind need the same words")
    return texts


#: One template or several, tried in order; null is none.
Templates = Annotated[list[str], BeforeValidator(_as_list), AfterValidator(_compiles)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ListFile(_Section):
    """A text or CSV file that says what belongs together.

    `file` is a template of its path. Where the column `picture` is named, it is a table, whose columns tie all kinds of
    files; else it is a log, on whose lines the names of a picture and of its background stand.
    """

    file: str
    image: str | None = None
    mask: str | None = None
    depth: str | None = None
    background: str | None = None

    @property
    def is_table(self) -> bool:
        """True if columns are named."""
        return self.image is not None


class Layout(_Section):
    """How one copy of the data lies on disk.

    `background_by` says how a picture's background is found:
    - ``name``: by the words that the two templates share;
    - ``number``: the background whose ``{number}`` is (number - first_number) // pictures_per_background;
    - ``position``: that number is the place in the naturally sorted folder; `first_number` null is worked out;
    - ``list``: `list_file` tells.
    """

    image: Annotated[Templates, Field(min_length=1)]
    mask: Templates = []
    depth: Templates = []
    background: Templates = []
    background_by: Literal["name", "number", "position", "list"] = "name"
    pictures_per_background: Annotated[int, Field(ge=1)] = 1
    first_number: Annotated[int, Field(ge=0)] | None = None
    list_file: ListFile | None = None

    @model_validator(mode="after")
    def _is_consistent(self) -> Layout:
        if self.list_file is not None and self.list_file.is_table:
            return self
        for picture in map(Template, self.image):
            for kind in ("mask", "depth", *(["background"] if self.background_by == "name" else [])):
                for other in map(Template, getattr(self, kind)):
                    if not other.words or not set(other.words) <= set(picture.words):
                        raise ValueError(
                            f"{kind} {other.text!r} needs words, all of them also in picture {picture.text!r}"
                        )
            if self.background_by in ("number", "position") and NUMBER not in picture.words:
                raise ValueError(f"background_by {self.background_by}: picture {picture.text!r} has no {{number}}")
        if self.background_by == "list" and self.list_file is None:
            raise ValueError("background_by list: name the list in list_file")
        return self
