"""Writing a whole report at once: an interrupted or failed compare leaves the previous report as it was."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from loss_study.runtime.files import scratch_folder


def publish(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write `files`, keyed by relative path, into `folder`; whole subfolders are replaced, nothing else is touched.

    Everything is written to a temporary folder beside it first, so a full disk changes nothing.

    Raises:
        OSError: the disk is full or not writable.
    """
    with scratch_folder(folder / ".new") as new:
        for path, content in files.items():
            (new / path).parent.mkdir(parents=True, exist_ok=True)
            (new / path).write_bytes(content)
        for entry in sorted(new.iterdir()):
            target = folder / entry.name
            if entry.is_dir() and target.exists():
                shutil.rmtree(target)
            entry.replace(target)
