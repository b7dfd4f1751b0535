"""Templates: the patterns of the files in a folder, derived from their paths.

A file is a mask or a depth map if its folder or a part of its name says so (``masks/``, ``_seg``), and an image
otherwise. These parts stay in the pattern; the others become words, and files with the same words belong together.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache

from loss_study.datasets.layouts.layout import GROUPS
from loss_study.datasets.layouts.listing import Listing, composed, find
from loss_study.datasets.layouts.pattern import NUMBER, SPLIT, Pattern, split_named

NAME, FOLDER, INSTANCE = "name", "folder", "instance"
#: Words in the names of folders and files that say what a file is, those of a higher rank first.
MARKS = {
    "mask": r"masks?|labels?|labelids|segs?|segmentations?|segmentationclass|annotations?|annots?|gt|gtfine|"
    r"ground[-_ ]?truths?|trimaps?|mattes?|alphas?|silhouettes?|semantics?|targets?",
    "depth": r"(?:sync_)?depths?|depth[-_ ]?maps?|disparit(?:y|ies)",
    "image": r"images?|imgs?|rgbs?|colou?rs?|photos?|jpegimages|leftimg\dbit|inputs?|frames?|originals?",
}
_BACKGROUND = re.compile(r"(?i)bgs?|backgrounds?|bg_images")
_BETWEEN = "[-_. ]"
_ANY = "|".join(MARKS.values())
_MARKED = re.compile(
    rf"(?is)(?P<before>(?:(?:{_ANY}){_BETWEEN})*)(?P<core>.*?)(?:(?P<after>(?:{_BETWEEN}(?:{_ANY}))+)(?P<count>_\d+)?)?"
)
_IS = {
    kind: re.compile(rf"(?i)(?:^|.*{_BETWEEN})(?:{marks})(?:$|{_BETWEEN})", re.DOTALL) for kind, marks in MARKS.items()
}
_GROUP = re.compile(r"([A-Za-z]+?)s?[-_ ]?\d+")
_NUMBERED = re.compile(r"_(\d+)$")
_COUNT = "\0"
_DIGITS = str.maketrans(dict.fromkeys("123456789", "0"))
#: Templates of a kind that are compared with the others.
COMPARED = 30


@dataclass(frozen=True)
class Template:
    """Patterns of files of one kind, and the paths by the texts of the patterns' words."""

    patterns: tuple[str, ...]
    words: tuple[str, ...]
    paths: dict[tuple[str, ...], str]
    #: Words of which a mask may have more than its image: there are several masks then.
    several: frozenset[str] = frozenset({INSTANCE, NUMBER})

    @cached_property
    def literal(self) -> int:
        """Number of characters that are the same in every path."""
        return Pattern(self.patterns[0]).literal

    def keys(self, words: Collection[str]) -> list[tuple[str, ...]]:
        """Return the texts of those words that are in `words`, one key for each path."""
        places = [place for place, word in enumerate(self.words) if word in words]
        return [tuple(composed(texts[place]) for place in places) for texts in self.paths]

    def with_instances(self) -> Template:
        """Return the template with a name of its own for each file, as that of several masks of one image."""
        pattern = self.patterns[0].replace(f"{{{NAME}}}", f"{{{INSTANCE}}}")
        return Template((pattern,), tuple(INSTANCE if word == NAME else word for word in self.words), self.paths)


#: A part of a path: the text in front, what may differ between files, and the text behind.
_Part = tuple[str, str, str]
#: The same for all files of a template: what differs is SPLIT, FOLDER or "" for nothing. Kind, folders, file.
_Shape = tuple[str, tuple[_Part, ...], _Part]


def derive(listing: Listing, used: Collection[str] = ()) -> dict[str, list[Template]]:
    """Return the templates of each kind of `MARKS`, those with most files first; the files `used` are left out."""
    files_of: dict[_Shape, list[tuple[list[str], str]]] = defaultdict(list)
    for folder, names in listing.folders.items():
        parts = folder.split("/") if folder else []
        if any(_BACKGROUND.fullmatch(part) for part in parts):
            continue
        taken = list(map(_taken_apart, parts))
        shape = tuple((before, _word(core), after) for before, core, after in taken)
        texts = [core for _, core, _ in taken if core]
        for name in names:
            path = f"{folder}/{name}" if folder else name
            if path not in used:
                stem = name.rpartition(".")[0]
                kind = _kind(parts, stem)
                for before, own, after in _variants(stem):
                    files_of[kind, shape, (before, NAME, after)].append(([*texts, *own], path))
    found: dict[str, list[Template]] = {kind: [] for kind in MARKS}
    for (kind, folders, file), files in files_of.items():
        found[kind].append(_template(folders, file, files))
    return {
        kind: sorted(some, key=lambda one: (-len(one.paths), one.literal))[:COMPARED] for kind, some in found.items()
    }


def given(listing: Listing, patterns: Sequence[str]) -> Template:
    """Return the template of patterns that are known."""
    found = find(listing, patterns)
    words = tuple(sorted(Pattern(patterns[0]).words))
    paths = {tuple(texts[word] for word in words): found.files.relative(n) for n, texts in enumerate(found.words)}
    return Template(tuple(patterns), words, paths, frozenset(words))


def _kind(parts: Sequence[str], stem: str) -> str:
    """Return the kind that the name says, or else the deepest folder that says one, or else "image"."""
    before, _, after = _taken_apart(stem)
    named = _mark(f"{before} {after}")
    if named in ("mask", "depth"):
        return named
    return next((mark for part in reversed(parts) if (mark := _mark(part))), "image")


@cache
def _mark(text: str) -> str | None:
    return next((kind for kind, marks in _IS.items() if marks.match(text)), None)


def _taken_apart(text: str) -> _Part:
    """Return the marks in front, what is between, and the marks behind; all is a mark if nothing else is left."""
    # No mark has a certain digit: names that differ in digits only are taken apart once, which is many times as fast.
    start, end = _bounds(text.translate(_DIGITS))
    return text[:start], text[start:end], text[end:]


@lru_cache(maxsize=1 << 16)
def _bounds(text: str) -> tuple[int, int]:
    """Return where the part between the marks starts and ends."""
    match = _MARKED.fullmatch(text)
    assert match is not None
    if not match["core"] or re.fullmatch(rf"(?i){_ANY}", match["core"]):
        return len(text), len(text)
    return match.span("core")


def _word(core: str) -> str:
    return "" if not core else SPLIT if split_named(core) else FOLDER


def _variants(stem: str) -> Iterator[tuple[str, list[str], str]]:
    """Yield the ways to take a name apart, with and without the marks as parts of what differs between files.

    In the text behind, `_COUNT` stands for a number, which is the last of the texts that differ then.
    """
    before, core, after = _taken_apart(stem)
    if not core:
        yield "", [stem], ""
        return
    for front, middle in {"": before + core, before: core}.items():
        yield front, [middle + after], ""
        if after:
            yield front, [middle], after
        if (number := _NUMBERED.search(after)) is not None:
            yield front, [middle, number[1]], after[: number.start(1)] + _COUNT


def _template(folders: Sequence[_Part], file: _Part, files: Sequence[tuple[list[str], str]]) -> Template:
    """Return the template of files of one shape; what is the same in all of their folders is no word."""
    words: list[str] = []
    parts, places, place = [], [], 0
    for before, kind, after in folders:
        if kind:
            texts = {own[place] for own, _ in files}
            if kind == SPLIT or len(texts) > 1:
                word = SPLIT if kind == SPLIT else _distinct(_group(texts), words)
                words.append(word)
                places.append(place)
                parts.append(f"{_literal(before)}{{{word}}}{_literal(after)}")
            else:
                parts.append(_literal(before + texts.pop() + after))
            place += 1
        else:
            parts.append(_literal(before + after))
    before, _, after = file
    words.append(NAME)
    places.append(place)
    if after.endswith(_COUNT):
        words.append(NUMBER)
        places.append(place + 1)
    end = _literal(after.removesuffix(_COUNT)) + (f"{{{NUMBER}}}" if after.endswith(_COUNT) else "")
    pattern = "/" + "/".join([*parts, f"{_literal(before)}{{{NAME}}}{end}"])
    kept = list(dict.fromkeys(words))
    which = [places[words.index(word)] for word in kept]
    return Template((pattern,), tuple(kept), {tuple(own[one] for one in which): path for own, path in files})


def _distinct(word: str, words: Sequence[str]) -> str:
    return word if word not in words else f"{word}{len(words) + 1}"


def _group(texts: Collection[str]) -> str:
    """Return what folders called `texts` stand for, if they all say the same: "patient" of patient01 and patient02."""
    said = {match[1].lower() if (match := _GROUP.fullmatch(text)) else "" for text in texts}
    return said.pop() if len(said) == 1 and said <= GROUPS else FOLDER


def _literal(text: str) -> str:
    """Return the pattern of `text`: characters that mean something in a pattern become any text."""
    return re.sub(r"[{}*]+", "*", text)
