"""Make a dataset's files available: in place, unpacked from local archives, or downloaded and unpacked.

Writes ``source.json`` = ``{"name", "path", "notes"}``; `path` is that of `datasets.open_dataset`.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from loss_study.config import DatasetConfig
from loss_study.download import archives
from loss_study.download.fetch import fetch
from loss_study.download.source import SOURCE
from loss_study.runtime.errors import StudyError
from loss_study.runtime.files import whole_folder, write_json

FILES = "files"
STRAY = frozenset({"thumbs.db", "desktop.ini"})
#: Files beside archives that say which image has which background.
LISTS = frozenset({".csv", ".log", ".tsv", ".txt"})


def prepare(dataset: DatasetConfig, folder: Path, downloads: Path) -> None:
    """Make `folder` with ``source.json`` and, where something is unpacked, ``files/``.

    A local folder is used in place; a local archive, and a folder that contains archives and no folders, are unpacked.
    If `dataset.path` is any other file, such as the code that reads the data, `dataset.urls` are downloaded and
    unpacked, if there are any. Each of several archives gets a folder of its name, and lists (CSV, text) beside them
    are copied.

    Args:
        downloads: folder that keeps complete and partial downloads of `dataset.urls` for the next run.

    Raises:
        StudyError: nothing at `dataset.path`, or what `fetch` and `archives.extract` raise; nothing is left in
            `folder` then.
    """
    files = _files(dataset, downloads)
    with whole_folder(folder, listed=False) as new:
        if files:
            _unpack(files, new / FILES)
        source = {
            "name": dataset.name,
            "path": str(folder / FILES) if files else dataset.path,
            "notes": [f"Unpacked from {', '.join(file.name for file in files)}."] if files else [],
        }
        write_json(new / SOURCE, source)


def _files(dataset: DatasetConfig, downloads: Path) -> list[Path]:
    """Return the files to unpack or copy; none if the data is used in place."""
    path = Path(dataset.path)
    if path.is_dir():
        return archives_in(path)
    if path.exists() and archives.is_archive(path):
        return [path]
    if not path.exists() and not dataset.urls:
        raise StudyError(f"dataset.path: {path} does not exist; set it to your data, or set dataset.urls to its links")
    sums: Sequence[str | None] = dataset.sha256 or [None] * len(dataset.urls)
    return [fetch(url, downloads, expected) for url, expected in zip(dataset.urls, sums, strict=True)]


def archives_in(folder: Path) -> list[Path]:
    """Return the archives and lists in a folder; none if it also has folders: then the archives are spare copies."""
    entries = sorted(entry for entry in folder.iterdir() if not _is_stray(entry))
    if any(entry.is_dir() for entry in entries) or not any(map(_has_archive_name, entries)):
        return []
    return [entry for entry in entries if _has_archive_name(entry) or entry.suffix.lower() in LISTS]


def _is_stray(path: Path) -> bool:
    return path.name.startswith(".") or path.name.lower() in STRAY


def _has_archive_name(path: Path) -> bool:
    return path.name.lower().endswith((*archives.SUFFIXES, *archives.OTHER_SUFFIXES))


def _unpack(files: Sequence[Path], folder: Path) -> None:
    packed = [file for file in files if archives.is_archive(file)]
    if len(files) == len(packed) == 1:
        archives.extract(packed[0], folder)
        return
    folder.mkdir()
    for file in files:
        target = folder / (archives.stem(file) if file in packed else file.name)
        if target.exists():
            raise StudyError(f"{file}: another file also becomes {target.name!r}; rename one of them")
        if file in packed:
            archives.extract(file, target)
        elif file.suffix.lower() in LISTS:
            shutil.copyfile(file, target)
        else:
            raise StudyError(f"{file}: neither a zip or tar archive nor a list (CSV, text); correct dataset.urls")
