"""Atomic writes: after a crash there is the old file or folder or the new one, never half of one."""

from __future__ import annotations

import csv
import errno
import io
import json
import math
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from loss_study.runtime import checksums
from loss_study.runtime.errors import StudyError

#: Bytes that are left where something failed because there was too little space.
SPACE_LEFT = 1 << 16


@contextmanager
def scratch_folder(path: Path) -> Iterator[Path]:
    """Yield the new, empty folder `path`, which is removed after the block; leftovers of a killed process are too."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield a folder where temporary files go (``TMPDIR``), which is removed after the block.

    Raises:
        OSError: whatever failed in the block, there is no space left. Libraries have other words for that, or name no
            file.
    """
    with tempfile.TemporaryDirectory(prefix="loss-study-") as name:
        try:
            yield Path(name)
        except Exception as error:
            is_full = isinstance(error, OSError) and error.errno == errno.ENOSPC
            if is_full or shutil.disk_usage(name).free < SPACE_LEFT:
                message = "no space left for temporary files; TMPDIR may name another place"
                raise OSError(errno.ENOSPC, message, tempfile.gettempdir()) from error
            raise


@contextmanager
def whole_folder(target: Path, *, listed: bool = True) -> Iterator[Path]:
    """Yield an empty folder beside `target` that replaces it when the block ends without an error.

    Args:
        listed: write the checksums of its files, see `checksums`.
    """
    with scratch_folder(target.with_name(f".{target.name}.new")) as new:
        yield new
        if listed:
            checksums.write(new)
        # The old one is renamed before it is removed, so that a kill in the middle of that leaves no half of it.
        with scratch_folder(target.with_name(f".{target.name}.old")) as old:
            if target.exists():
                target.replace(old / target.name)
            new.replace(target)


def check_writable(folder: Path) -> None:
    """Raise a StudyError unless files can be made in `folder`, which is created where it is missing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise StudyError(f"{folder}: cannot be written to ({error.strerror}); results go there") from None


def write_bytes(target: Path, content: bytes | memoryview, *, durable: bool = False) -> None:
    """Replace `target` by a file with `content`. All other functions here write through this one.

    Args:
        durable: force the content to the disk first, so that a power cut cannot leave an empty file either.

    Raises:
        OSError: it cannot be written, for example because the disk is full; the old file is still there.
    """
    new = target.with_name(f".{target.name}.new")
    try:
        with new.open("wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        new.replace(target)
    except OSError:
        new.unlink(missing_ok=True)
        raise


def whole_text(target: Path, text: str) -> None:
    """Write `text` (UTF-8) to `target`."""
    write_bytes(target, text.encode())


def write_json(target: Path, value: Any) -> None:
    """Write `value` as indented JSON with a final newline; NaN and infinities become null."""
    whole_text(target, json.dumps(_finite(value), indent=2, ensure_ascii=False) + "\n")


def write_csv(target: Path, rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Write `rows` below a header of `columns`."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    whole_text(target, text.getvalue())


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
