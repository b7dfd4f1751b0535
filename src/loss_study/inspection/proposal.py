"""From a folder to the choices that read it, and how they are typed."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from loss_study import datasets
from loss_study.config import Config
from loss_study.config.composition import composed
from loss_study.datasets.base import Dataset
from loss_study.datasets.layouts import Listing
from loss_study.datasets.layouts.recognise import Recognised, command
from loss_study.inspection import files
from loss_study.inspection.examples import spread
from loss_study.inspection.findings import Table
from loss_study.runtime.errors import StudyError

#: Folders that are listed, and files of each whose headers are read.
FOLDERS, HEADERS = 8, 8
#: So many choices beside dataset and path are better kept in a file.
MANY = 2
#: Characters that mean nothing to a shell, to make and to Hydra.
PLAIN = re.compile(r"[\w./:@%+=,-]+")
#: Choices at the end of a message.
SUGGESTED = re.compile(r"(?:\s-S\s+(?:'[^']*'|[^\s']+))+$")


def folders(listing: Listing) -> Table:
    """Return what the folders of `listing` hold."""
    rows = []
    for folder, names in list(listing.folders.items())[:FOLDERS]:
        suffixes = Counter(f".{name.rpartition('.')[2].lower()}" for name in names)
        counted = ", ".join(
            f"{suffix} ({count})" if len(suffixes) > 1 else suffix for suffix, count in suffixes.items()
        )
        paths = [listing.root / folder / name for name in spread(names, HEADERS)]
        rows.append((folder or ".", f"{len(names):,}", counted, names[0], *files.headers(paths)))
    more = len(listing.folders) - len(rows)
    columns = ("folder", "images", "types", "first", "size", "format")
    return Table("Seen", columns, rows, f"and {more:,} more folders" if more > 0 else "")


def layout(found: Recognised) -> Table:
    """Return which layout was recognised, and which files do not fit."""
    rows = [("layout", found.name or "none that is known"), ("images with all their files", f"{found.fitting:,}")]
    if found.unfitting:
        more = ", ..." if len(found.unfitting_files) < found.unfitting else ""
        rows.append(("files left over", f"{found.unfitting:,}: {', '.join(found.unfitting_files)}{more}"))
    return Table("Recognised", ("what", "found"), rows)


@dataclass(frozen=True)
class Opened:
    """A dataset, the choices that open it, what they compose to, and why some of them were added."""

    dataset: Dataset
    words: list[str]
    config: Config
    reasons: list[str]


def opened(words: Sequence[str], folder: Path) -> Opened:
    """Open the dataset in `folder` with the choices `words`; where it is refused, with what the message says to type.

    Raises:
        StudyError: it is refused, and the message says nothing to type, or nothing that helps.
    """
    words, reasons = list(words), list[str]()
    while True:
        config = composed(words)
        chosen = config.dataset
        try:
            dataset = datasets.open_dataset(chosen.name, folder, chosen.options, chosen.heads_in_files)
        except StudyError as error:
            reason, added = str(error), suggested(str(error))
            if not added or set(map(_key, added)) & set(map(_key, words)):
                raise
        else:
            reason, added = _frames(dataset.notes)
            if set(map(_key, added)) <= set(map(_key, words)):
                return Opened(dataset, words, config, reasons)
        words += added
        reasons.append(reason)


def suggested(message: str) -> list[str]:
    """Return the choices that `message` ends with, each after -S; none if it does not."""
    found = SUGGESTED.search(message)
    return [word for word in shlex.split(found[0]) if word != "-S"] if found else []


def _frames(notes: Sequence[str]) -> tuple[str, list[str]]:
    """Return the note that suggests clips of consecutive frames, and its choice; "" and none without such a note."""
    for note in notes:
        if added := [word for word in suggested(note.rstrip(".")) if _key(word).endswith(".files.frames")]:
            return note, added
    return "", []


def _key(word: str) -> str:
    return word.lstrip("+~").partition("=")[0]


def next_step(words: Sequence[str], config: Config, name: str) -> str:
    """Return what to type for a study with the choices `words`, which compose to `config`.

    It is a command, or the file conf/dataset/<name>.yaml and a command.
    """
    if len(words) <= MANY and all(PLAIN.fullmatch(word) for word in words):
        return f'make study CHOICES="{" ".join(words)}"'
    return f"# conf/dataset/{name}.yaml\n{configuration(config)}\n{study_of(words, name)}"


def study_of(words: Sequence[str], name: str) -> str:
    """Return the command for a study of ``conf/dataset/<name>.yaml`` with those of `words` that are of no dataset."""
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
