"""Checkpoints, kept outside DVC's outputs, which DVC deletes before it reruns a stage.

A folder ``checkpoints/<trial>-<key>/`` holds ``checkpoint.pt``. The key is a hash of everything that decides the
numbers, so a training never resumes with another configuration, other data or other code.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch

import loss_study
from loss_study.runtime.files import write_bytes
from loss_study.runtime.locks import locked

CHECKPOINTS = Path("checkpoints")
#: A process that was killed together with its parent takes a moment to end.
SECONDS_TO_WAIT = 10.0
#: Share of the training time that checkpoints may take.
SHARE = 0.01
#: Bytes per second that a slow disk writes: the cost of the first checkpoint has to be estimated.
SLOW_DISK = 200e6

#: Key of a saved state's checksum.
CHECKSUM = "sha256"
PACKAGE = Path(loss_study.__file__).parent
#: The parts of the package whose code decides the numbers of a training, and all that they import.
CODE = (
    "__init__.py", "heads.py", "joint_trial.py", "trial.py",
    "choices", "config", "data", "losses", "metrics", "models", "runtime", "training",
)  # fmt: skip


class DamagedError(Exception):
    """A file that `save_atomically` wrote has been changed or cut off."""


def key(parts: dict[str, Any], files: Iterable[Path]) -> str:
    """Return 16 hexadecimal digits that change with any of `parts` (JSON values) and with the bytes of `files`."""
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode())
    for path in sorted(files):
        with path.open("rb") as file:
            digest.update(path.name.encode() + hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def code_files(names: Iterable[str] = CODE) -> list[Path]:
    """Return the modules that `names`, files and folders of the package, consist of."""
    paths = [PACKAGE / name for name in names]
    return [file for path in paths for file in (path.rglob("*.py") if path.is_dir() else [path])]


def save_atomically(state: dict[str, Any], path: Path) -> None:
    """Save `state` with ``torch.save``; a crash or a power cut leaves the old file or the new one.

    Beside it stands its checksum under the key `CHECKSUM`; ``torch.load`` checks none.

    Raises:
        OSError: it cannot be written, for example because the disk is full; the old file is still there.
    """
    # Into memory first: on a full disk torch.save raises a RuntimeError that does not say why.
    buffer = io.BytesIO()
    torch.save(state | {CHECKSUM: checksum(state)}, buffer)
    write_bytes(path, buffer.getbuffer(), durable=True)


def load_saved(path: Path) -> dict[str, Any]:
    """Return what `save_atomically` wrote to `path`, on the CPU; no code in the file is run.

    Raises:
        OSError: it cannot be read; FileNotFoundError if it is not there.
        DamagedError: it was cut off or changed, or is something else.
    """
    with path.open("rb") as file:
        try:
            state = torch.load(file, map_location="cpu", weights_only=True)
            expected = state.pop(CHECKSUM)
        except Exception as error:
            # Changed bytes cause nearly any error, an IndexError for example.
            raise DamagedError(f"{path}: {type(error).__name__}") from None
    if checksum(state) != expected:
        raise DamagedError(f"{path}: changed since it was written")
    return state


def checksum(state: Any) -> str:
    """Return a SHA-256 that changes with every tensor, number and word in `state`: nested mappings and sequences."""
    digest = hashlib.sha256()
    _feed(digest, state)
    return digest.hexdigest()


def _feed(digest: hashlib._Hash, value: Any) -> None:
    if isinstance(value, torch.Tensor):
        digest.update(f"{value.dtype} {tuple(value.shape)};".encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    elif isinstance(value, Mapping):
        digest.update(f"{len(value)} pairs;".encode())
        for pair in value.items():
            _feed(digest, pair)
    elif isinstance(value, list | tuple):
        digest.update(f"{len(value)} values;".encode())
        for one in value:
            _feed(digest, one)
    else:
        digest.update(f"{type(value).__name__} {value!r};".encode())


class Checkpoint:
    """One trial's checkpoint, locked while it is open: use it in a ``with`` statement.

    `save` takes at most `SHARE` of the training time: it does nothing until the training has gone on ``1 / SHARE``
    times as long as the last save took. A killed training repeats no more than that, and the epoch that it was in.

    Raises:
        StudyError: on entering, if another process trains the same trial and does not end within `SECONDS_TO_WAIT`.
    """

    def __init__(self, trial_name: str, key: str) -> None:
        self.folder = CHECKPOINTS / f"{trial_name}-{key}"
        self._open = ExitStack()
        self._warned = False
        self._saved = time.monotonic()
        self._cost: float | None = None

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / "checkpoint.pt"

    def __enter__(self) -> Checkpoint:
        lock = self.folder.with_suffix(".lock")
        self._open.enter_context(locked(lock, "training this trial", wait_seconds=SECONDS_TO_WAIT))
        self.folder.mkdir(exist_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def save(self, state: dict[str, Any]) -> None:
        """Replace the checkpoint, unless the last one is too recent.

        Where writing fails, training goes on after one warning, and the old checkpoint stays.
        """
        cost = _bytes(state) / SLOW_DISK if self._cost is None else self._cost
        if (time.monotonic() - self._saved) * SHARE >= cost:
            self.save_now(state)

    def save_now(self, state: dict[str, Any]) -> None:
        """Replace the checkpoint, however recent the last one is; otherwise as `save`."""
        began = time.monotonic()
        try:
            save_atomically(state, self.path)
        except OSError as error:
            self._warn(error)
        self._saved = time.monotonic()
        self._cost = self._saved - began

    def load(self) -> dict[str, Any] | None:
        """Return the state that was saved last, or None where there is none that can be read."""
        try:
            return load_saved(self.path)
        except (OSError, DamagedError):
            return None

    def remove(self) -> None:
        """Delete the folder: the result is written."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _warn(self, error: OSError) -> None:
        if not self._warned:
            self._warned = True
            warning = f"warning: {self.folder}: {error.strerror}; training goes on, but could not be resumed from here"
            print(warning, file=sys.stderr, flush=True)


def _bytes(state: Any) -> int:
    """Return the size of all tensors in a state."""
    if isinstance(state, torch.Tensor):
        return state.nbytes
    parts = state.values() if isinstance(state, dict) else state if isinstance(state, list | tuple) else ()
    return sum(map(_bytes, parts))
