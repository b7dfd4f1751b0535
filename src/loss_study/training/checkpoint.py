"""The resumable state of a training, kept outside DVC's outputs, which DVC deletes before it reruns a stage.

A folder ``checkpoints/<trial>-<key>/`` holds ``state.pt`` and a lock. The key is a hash of everything that decides the
numbers, so a state is never resumed under other parameters, data or code.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import sys
import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

import torch

from loss_study.runtime.errors import StudyError

CHECKPOINTS = Path("checkpoints")
#: A process that was killed together with its parent takes a moment to end.
SECONDS_TO_WAIT = 10.0
#: Share of a training's time that saving its states may take.
SHARE = 0.01
#: Bytes that a slow disk takes in a second: before a state has been saved, nobody knows how long it takes.
SLOW_DISK = 200e6


class DamagedError(Exception):
    """A file that `save_atomically` wrote is not what it wrote."""


def key(parts: dict[str, Any], files: Iterable[Path]) -> str:
    """Return 16 hexadecimal digits that change with any of `parts` (JSON values) and with the bytes of `files`."""
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode())
    for path in sorted(files):
        with path.open("rb") as file:
            digest.update(str(path.name).encode() + hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def save_atomically(state: dict[str, Any], path: Path) -> None:
    """Save `state` with ``torch.save``; a crash or a power cut leaves the old file or the new one, never half of one.

    Raises:
        OSError: it cannot be written, for example because the disk is full; the old file is still there.
    """
    _write_atomically(_serialised(state), path)


def _serialised(state: dict[str, Any]) -> memoryview:
    """Return the bytes of ``torch.save``, which turns a full disk into a RuntimeError without a reason."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getbuffer()


def _size(state: Any) -> int:
    """Return the bytes of the tensors in a state."""
    if isinstance(state, torch.Tensor):
        return state.nbytes
    parts = state.values() if isinstance(state, dict) else state if isinstance(state, list | tuple) else ()
    return sum(map(_size, parts))


def _write_atomically(content: memoryview, path: Path) -> None:
    new = path.with_name(path.name + ".new")
    try:
        with new.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise


def _seconds_to_write(content: memoryview, path: Path) -> float:
    started = time.monotonic()
    _write_atomically(content, path)
    return time.monotonic() - started


def load_saved(path: Path) -> dict[str, Any]:
    """Return what `save_atomically` wrote to `path`, on the CPU; no code in the file is run.

    Raises:
        OSError: it cannot be read; FileNotFoundError if it is not there.
        DamagedError: it was cut off or changed, or is something else.
    """
    with path.open("rb") as file:
        try:
            return torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:
            # Of changed bytes it makes nearly any error there is, an IndexError for one.
            raise DamagedError(f"{path}: {type(error).__name__}") from None


class Checkpoint:
    """One trial's checkpoint folder, locked while it is open: use it in a ``with`` statement.

    A state is taken at once and written while training goes on, for a disk takes its time. Where that is long and an
    epoch is short, not every epoch's is saved: a killed training repeats at most ``1 / SHARE`` times what it takes to
    save a state, and the epoch that it was in.

    Raises:
        StudyError: on entering, if another process trains the same trial and does not end within `SECONDS_TO_WAIT`.
    """

    def __init__(self, trial_name: str, state_key: str) -> None:
        self.folder = CHECKPOINTS / f"{trial_name}-{state_key}"
        self._lock: IO[str] | None = None
        self._warned = False
        self._writer = ThreadPoolExecutor(1)
        self._writing: Future[float] | None = None
        self._taken = time.monotonic()
        self._cost: float | None = None

    def __enter__(self) -> Checkpoint:
        until = time.monotonic() + SECONDS_TO_WAIT
        while (lock := self._try_lock()) is None:
            if time.monotonic() > until:
                raise StudyError(f"{self.folder}: another process is training this trial; wait for it or end it")
            time.sleep(0.1)
        self._lock = lock
        return self

    def _try_lock(self) -> IO[str] | None:
        import fcntl  # noqa: PLC0415 -- POSIX only

        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "lock"
        lock = path.open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever held it may have removed the folder in the meantime.
            if os.path.samestat(os.fstat(lock.fileno()), path.stat()):
                return lock
        except OSError:
            pass
        lock.close()
        return None

    def __exit__(self, *_: object) -> None:
        self.settle()
        self._writer.shutdown()
        if self._lock is not None:
            self._lock.close()

    def save(self, state: dict[str, Any]) -> None:
        """Replace the saved state, unless that would take more than `SHARE` of the time since it was taken.

        Where it fails, training goes on after one warning, and the old state stays.
        """
        if not self._is_due(state):
            return
        self.settle()
        self._taken = time.monotonic()
        content = _serialised(state)
        self._cost = time.monotonic() - self._taken
        self._writing = self._writer.submit(_seconds_to_write, content, self.folder / "state.pt")

    def _is_due(self, state: dict[str, Any]) -> bool:
        if self._writing is not None and self._writing.done():
            self.settle()
        since = time.monotonic() - self._taken
        cost = _size(state) / SLOW_DISK if self._cost is None else self._cost
        return since * SHARE >= (cost if self._writing is None else since)

    def settle(self) -> None:
        """Wait until the last state is written; that it could not be is said here."""
        writing, self._writing = self._writing, None
        try:
            if writing is not None:
                self._cost = (self._cost or 0.0) + writing.result()
        except OSError as error:
            if not self._warned:
                self._warned = True
                told = f"warning: {self.folder}: {error.strerror}; training goes on, but could not be resumed from here"
                print(told, file=sys.stderr, flush=True)

    def load(self) -> dict[str, Any] | None:
        """Return the saved state, or None where there is none that can be read."""
        self.settle()
        try:
            return load_saved(self.folder / "state.pt")
        except (OSError, DamagedError):
            return None

    def remove(self) -> None:
        """Delete the folder: the training is done."""
        self.settle()
        shutil.rmtree(self.folder, ignore_errors=True)
