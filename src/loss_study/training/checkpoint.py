"""The resumable state of a training, kept outside DVC's outputs, which DVC deletes before it reruns a stage.

A folder ``checkpoints/<trial>-<key>/`` holds ``state.pt`` and a lock. The key is a hash of everything that decides the
numbers, so a state is never resumed under other parameters, data or code.
"""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import torch

from loss_study.errors import StudyError

CHECKPOINTS = Path("checkpoints")


def key(parts: dict[str, Any], files: Iterable[Path]) -> str:
    """Return 16 hexadecimal digits that change with any of `parts` (JSON values) and with the bytes of `files`."""
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode())
    for path in sorted(files):
        digest.update(str(path.name).encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def save_atomically(state: dict[str, Any], path: Path) -> None:
    """Save `state` with ``torch.save``; a crash leaves the old file or the new one, never half of one.

    Raises:
        OSError: it cannot be written, for example because the disk is full.
    """
    # Through memory, because torch.save turns a full disk into a RuntimeError without a reason.
    buffer = io.BytesIO()
    torch.save(state, buffer)
    new = path.with_name(path.name + ".new")
    new.write_bytes(buffer.getbuffer())
    new.replace(path)


class Checkpoint:
    """One trial's checkpoint folder, locked while it is open: use it in a ``with`` statement.

    Raises:
        StudyError: on entering, if another process trains the same trial.
    """

    def __init__(self, trial_name: str, state_key: str) -> None:
        self.folder = CHECKPOINTS / f"{trial_name}-{state_key}"
        self._lock: IO[str] | None = None

    def __enter__(self) -> Checkpoint:
        import fcntl  # noqa: PLC0415 -- POSIX only; elsewhere the folder goes unlocked

        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = (self.folder / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise StudyError(f"{self.folder}: another process is training this trial; wait for it or end it") from None
        return self

    def __exit__(self, *_: object) -> None:
        if self._lock is not None:
            self._lock.close()

    def save(self, state: dict[str, Any]) -> None:
        """Replace the saved state."""
        save_atomically(state, self.folder / "state.pt")

    def load(self) -> dict[str, Any] | None:
        """Return the saved state, or None where there is none that can be read."""
        try:
            return torch.load(self.folder / "state.pt", map_location="cpu", weights_only=True)
        except (FileNotFoundError, RuntimeError, EOFError, pickle.UnpicklingError):
            return None

    def remove(self) -> None:
        """Delete the folder: the training is done."""
        shutil.rmtree(self.folder, ignore_errors=True)
