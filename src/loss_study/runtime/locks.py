"""Locks between processes; the system releases one when the process that holds it ends, however it ends."""

from __future__ import annotations

import errno
import os
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from loss_study.runtime.errors import StudyError

#: What a file system without locks says, such as some that are shared over a network.
_NO_LOCKS = {errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK}


@contextmanager
def locked(
    path: Path, work: str, *, wait_seconds: float = 0.0, on_wait: Callable[[str], None] | None = None
) -> Iterator[None]:
    """Hold the lock file `path` during the block; it names its holder, and is removed with the lock.

    Args:
        path: its folder is created where it is missing.
        work: what the holder does, as in "process 12 is <work>": "training this trial".
        wait_seconds: how long to wait for another process that holds the lock; below 0 until that process ends.
        on_wait: called once, with a line that says who is waited for, before waiting.

    Raises:
        StudyError: another process holds the lock and did not release it in time; the message names that process. Or
            the file system has no locks.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, thread_local=False, fallback_to_soft=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if on_wait is not None:
            on_wait(f"waiting for {_holder(path)}, which is {work}")
        _wait(lock, path, work, wait_seconds)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        raise StudyError(
            f"{path}: no file can be locked there ({error.strerror}); use a folder on another disk"
        ) from None
    try:
        path.write_text(f"process {os.getpid()} on {platform.node()}", encoding="utf-8")
        yield
    finally:
        # Removed before the release: whoever opened it in the meantime finds that it is gone, and creates a new one.
        path.unlink(missing_ok=True)
        lock.release()


def _wait(lock: FileLock, path: Path, work: str, seconds: float) -> None:
    try:
        lock.acquire(timeout=seconds, poll_interval=0.1)
    except Timeout:
        raise StudyError(f"{path}: {_holder(path)} is {work}; wait until it ends, or end it") from None


def _holder(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8") or "another process"
    except OSError:
        return "another process"
