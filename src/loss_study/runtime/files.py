"""Writing so that a crash leaves the old thing or the new one, never half of one."""

from __future__ import annotations

import csv
import json
import math
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from loss_study.runtime.errors import StudyError


@contextmanager
def scratch_folder(path: Path) -> Iterator[Path]:
    """Yield the new, empty folder `path`, which is gone after the block; what a killed process left there is too."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """Yield an empty folder beside `target` that takes its place when the block ends without an error."""
    with scratch_folder(target.with_name(f".{target.name}.new")) as new:
        yield new
        shutil.rmtree(target, ignore_errors=True)
        new.replace(target)


def check_writable(folder: Path) -> None:
    """Raise a StudyError unless files can be made in `folder`, which is made where it is missing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise StudyError(f"{folder}: cannot be written to ({error.strerror}); results go there") from None


def whole_text(target: Path, text: str) -> None:
    """Write `text` (UTF-8) to `target`."""
    new = target.with_name(f".{target.name}.new")
    new.write_text(text, encoding="utf-8")
    new.replace(target)


def write_json(target: Path, value: Any) -> None:
    """Write `value` as indented JSON with a final newline; NaN and infinities become null."""
    whole_text(target, json.dumps(_finite(value), indent=2, ensure_ascii=False) + "\n")


def write_csv(target: Path, rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Write `rows` below a header of `columns`."""
    new = target.with_name(f".{target.name}.new")
    with new.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    new.replace(target)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
