"""SHA-256 of the files in a folder, written with it and checked before its numbers are used.

The list is that of the command sha256sum: ``cd <folder>; sha256sum --check SHA256SUMS``. It names every file but those
whose names begin with a dot, so that a list which has lost a line is noticed as well.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from loss_study.runtime.errors import StudyError

LIST = "SHA256SUMS"


def write(folder: Path) -> None:
    """Write the list of all files in `folder` and below it."""
    lines = [f"{sha256(path)}  {path.relative_to(folder).as_posix()}\n" for path in sorted(_files(folder))]
    (folder / LIST).write_text("".join(lines), encoding="utf-8")


def check(folder: Path) -> None:
    """Compare the files of `folder` with its list; a folder without a list, or one that is not there, passes.

    Raises:
        StudyError: a file has changed since it was written, is missing, or is not in the list.
    """
    try:
        text = (folder / LIST).read_bytes().decode()
    except (FileNotFoundError, NotADirectoryError):
        return
    except UnicodeDecodeError:
        raise _damaged(folder / LIST, "changed since it was written") from None
    listed = set[Path]()
    for line in text.removesuffix("\n").split("\n") if text else ():
        expected, _, name = line.partition("  ")
        path = folder / name
        if not (name and path.is_file()):
            raise _damaged(path, "missing, or its checksum is damaged")
        if sha256(path) != expected:
            raise _damaged(path, "changed since it was written")
        listed.add(path)
    for path in _files(folder):
        if path not in listed:
            raise _damaged(path, f"not in the list {LIST} of its folder")


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    """Yield what a list names. An operating system leaves hidden files of its own."""
    for place, _, names in os.walk(folder):
        yield from (path for name in names if name[0] != "." and (path := Path(place, name)) != folder / LIST)


def _damaged(path: Path, what: str) -> StudyError:
    return StudyError(f"{path}: {what}; run 'dvc repro -f' on its stage, which writes it again")
