"""From a folder to the choices that read it, and how they are typed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

import yaml

from loss_study.composition import composed
from loss_study.config import Config
from loss_study.datasets.layouts import Listing, pair
from loss_study.datasets.layouts.recognise import Recognised, choice, command, recognise
from loss_study.datasets.reading import mask_values
from loss_study.inspection import files
from loss_study.inspection.findings import Table
from loss_study.runtime.errors import StudyError

#: Folders that are listed, and files of each whose headers are read.
FOLDERS, HEADERS = 20, 8
#: Masks whose values are looked at.
LOOKED = 50
#: So many choices beside dataset and path are better kept in a file.
MANY = 2
#: Characters that mean nothing to a shell, to make and to Hydra.
PLAIN = re.compile(r"[\w./:@%+=,-]+")


def folders(listing: Listing) -> Table:
    """Return what the folders of `listing` hold."""
    rows = []
    for folder, names in list(listing.folders.items())[:FOLDERS]:
        suffixes = Counter(PurePath(name).suffix.lower() for name in names)
        counted = ", ".join(suffix if len(suffixes) == 1 else f"{suffix} ({count})" for suffix, count in suffixes.items())
        paths = [listing.root / folder / name for name in names]
        rows.append((folder or ".", f"{len(names):,}", counted, names[0], *files.headers(files.some(paths, HEADERS))))
    more = len(listing.folders) - len(rows)
    columns = ("folder", "images", "types", "first", "width x height", "format")
    return Table("Seen", columns, rows, f"and {more} more folders" if more else "")


def words_for(listing: Listing, path: str, given: Sequence[str]) -> list[str]:
    """Return the choices, as after -S, that read the files in `listing` as a study of the dataset `path`.

    Args:
        path: of the folder, or of the archive that it was unpacked from.
        given: choices of the user; with one of a dataset they are all there are but the path.

    Raises:
        StudyError: the layout of the folder is not known; the message says what is missing for the nearest.
    """
    at = choice("dataset.path", path)
    if any(word.startswith("dataset=") for word in given):
        return [*given, at]
    found = recognise(listing)
    if not found.dataset:
        raise StudyError(f"{path}: {found.nearest}")
    words = [at if word.startswith("dataset.path=") else word for word in found.words]
    return [*words, *_values(listing, found), *given]


def _values(listing: Listing, found: Recognised) -> list[str]:
    """Return the choices that say what the values of masks and depth maps mean."""
    if found.layout is None:
        return []
    pairs = pair(listing, found.layout, allow_missing=True)
    return [] if pairs.masks is None else mask_values.survey(files.some(pairs.masks, LOOKED)).suggestion()


def next_step(words: Sequence[str], config: Config, name: str) -> str:
    """Return what to type for a study with the choices `words`, which compose to `config`.

    It is a command, or the file conf/dataset/<name>.yaml and a command.
    """
    if len(words) <= MANY and all(PLAIN.fullmatch(word) for word in words):
        return f'make study CHOICES="{" ".join(words)}"'
    return f"# conf/dataset/{name}.yaml\n{configuration(config)}\n{study_of(words, name)}"


def study_of(words: Sequence[str], name: str) -> str:
    """Return the command that studies what ``conf/dataset/<name>.yaml`` describes, with the other choices in `words`."""
    others = [word for word in words if not re.match(r"\+*~?dataset[.=]", word)]
    if all(PLAIN.fullmatch(word) for word in others):
        return f'make study CHOICES="{" ".join([f"dataset={name}", *others])}"'
    return command([f"dataset={name}", *others])


def configuration(config: Config) -> str:
    """Return the file for conf/dataset/ that says what `config` changes of the dataset that it is based on."""
    dataset = config.dataset
    usual = composed([f"dataset={dataset.name}"]).dataset.model_dump()
    changed = {"defaults": [dataset.name], **_changed(dataset.model_dump(), usual)}
    return yaml.safe_dump(changed, sort_keys=False, allow_unicode=True, default_flow_style=None, width=115)


def _changed(values: Mapping[str, Any], usual: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries of nested `values` that differ from those of `usual`."""
    changed = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and isinstance(usual.get(key), Mapping):
            if inner := _changed(value, usual[key]):
                changed[key] = inner
        elif key not in usual or value != usual[key]:
            changed[key] = value
    return changed
