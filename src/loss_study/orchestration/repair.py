"""Repairs files that a killed DVC process left half-written: ``loss-study repair``; ``make study`` does it first.

DVC writes each ``dvc.lock`` and its table of locks in place. Killed in the middle of that, it leaves a file that the
next DVC refuses to read, or the lock of a process whose number another program has by now.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import yaml
from filelock import FileLock, Timeout

from loss_study.orchestration.tasks import LOCK_FILES
from loss_study.runtime.errors import StudyError
from loss_study.runtime.files import write_json

PIPELINE = Path("dvc.yaml")
TEMPORARY = Path(".dvc/tmp")


def check_in_project() -> None:
    """Raise a StudyError where the working directory is not that of a project, before anything is written there."""
    if not PIPELINE.exists():
        raise StudyError(f"{PIPELINE}: not here; run this in the project's root")


def repair() -> list[str]:
    """Repair DVC's files in the working directory and return a sentence for each; what a running DVC holds is left."""
    with _held(TEMPORARY / "lock") as free:
        said = [*_drop_broken_results()] if free else []
    with _held(TEMPORARY / "rwlock.lock") as free:
        return [*said, *_drop_stale_locks()] if free else said


@contextmanager
def _held(path: Path) -> Iterator[bool]:
    """Hold one of DVC's lock files, as DVC does; yields False where another process holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, fallback_to_soft=False)
    try:
        lock.acquire(blocking=False)
    except (Timeout, OSError):
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def _drop_broken_results() -> Iterator[str]:
    existing = [path for path in LOCK_FILES if path.exists()]
    if not existing:
        return
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA  # noqa: PLC0415 -- half a second
    from voluptuous import Invalid  # noqa: PLC0415

    for path in existing:
        try:
            COMPILED_LOCKFILE_SCHEMA(yaml.safe_load(path.read_text(encoding="utf-8")))
        except (yaml.YAMLError, UnicodeDecodeError, Invalid):
            path.unlink()
            yield f"{path} was half-written and is removed; DVC takes the results from its cache"


def _drop_stale_locks() -> Iterator[str]:
    path = TEMPORARY / "rwlock"
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        held = {mode: _living(table.get(mode, {})) for mode in ("read", "write")}
    except FileNotFoundError:
        return
    except (ValueError, TypeError, KeyError, AttributeError):
        path.unlink()
        yield f"{path} was half-written and is removed"
        return
    if held != {mode: table.get(mode, {}) for mode in held}:
        write_json(path, {mode: locks for mode, locks in held.items() if locks})
        yield f"{path} named processes that have ended; their locks are released"


def _living(locks: Mapping[str, Any]) -> dict[str, Any]:
    """Return the locks whose process is still a DVC: of writers one for each path, of readers a list."""
    living = {}
    for path, holders in locks.items():
        if isinstance(holders, list):
            if left := [holder for holder in holders if _is_dvc(holder["pid"])]:
                living[path] = left
        elif _is_dvc(holders["pid"]):
            living[path] = holders
    return living


def _is_dvc(pid: int) -> bool:
    try:
        # `python -m dvc`, or the program dvc; "dvc" is in the names of many files. A zombie has no command line.
        return "dvc" in {Path(word).name for word in psutil.Process(pid).cmdline()}
    except psutil.Error:
        return False


def add_arguments(_: argparse.ArgumentParser) -> None:
    """``loss-study repair`` has no options."""


def main(_: argparse.Namespace) -> None:
    """Repair, and say what was done."""
    check_in_project()
    print(*(repair() or ["nothing to repair"]), sep="\n")
