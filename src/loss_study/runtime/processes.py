"""How a process ends: on SIGTERM as on Ctrl-C, and never later than the process that started it. And its cores.

Whichever process of a study is killed, no other lives on. Each process sees to this itself, on Linux only:

    make  <-  the driver: `end_with_make`
    the driver  <-  DVC, a program of others: started by `bound`
    DVC  <-  a stage: `end_with_dvc`, which `run_stage` calls
    a stage  <-  the workers of a pool: `end_with_pool`
    any process  <-  a server with children of its own: `tree`

The kernel kills a process whose parent ends (PR_SET_PDEATHSIG); this is not passed on to children. Where a shell stands
between, a thread waits for the ancestor's end. It is always SIGKILL, which nothing can delay: all files are written
atomically.
"""

from __future__ import annotations

import ctypes
import math
import multiprocessing
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

_LINUX = sys.platform == "linux"
_PR_SET_PDEATHSIG = 1
#: The time that all processes of a container may compute in a period, both in microseconds, or "max" and the period.
_QUOTA = Path("/sys/fs/cgroup/cpu.max")
_LINES: dict[int, str] = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}


class Terminated(KeyboardInterrupt):
    """SIGTERM has arrived; whatever cleans up after Ctrl-C cleans up after it too."""


def cores() -> int:
    """Return the number of cores that this process may use: those that the system and its container allow it.

    A container's share of a core counts as one (https://docs.kernel.org/admin-guide/cgroup-v2.html, cpu.max).
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = _QUOTA.read_text().split()
    except OSError:
        return allowed
    return allowed if quota == "max" else min(allowed, math.ceil(int(quota) / int(period)))


@contextmanager
def signals_raise() -> Iterator[None]:
    """Raise KeyboardInterrupt from the block on Ctrl-C and `Terminated` on SIGTERM; ignored signals stay ignored."""
    handlers = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: _terminate}
    before = {number: signal.getsignal(number) for number in handlers}
    for number, handler in handlers.items():
        if before[number] is not signal.SIG_IGN:
            signal.signal(number, handler)
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


def signals_end_at_once() -> None:
    """From here on, Ctrl-C and SIGTERM end this process in one line, unless they are ignored.

    For the time of imports: an exception in the middle of one shows a traceback or is lost.
    """
    for number in _LINES:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end_at_once)


def end_with_dvc() -> None:
    """In a stage that DVC runs, have this process killed as soon as that DVC ends, or a shell between the two.

    Does nothing in a stage that was started by hand.
    """
    _end_with_starter("DVC_STAGE", "DVC_ROOT")


def end_with_make() -> None:
    """In a recipe of make, have this process killed as soon as make ends, or a shell between the two.

    Does nothing in a process that was started by hand, also in a shell that make started.
    """
    _end_with_starter("MAKELEVEL")


def end_with_pool() -> None:
    """In a worker of a process pool, have this process killed as soon as the process that has the pool ends.

    Without it, a worker that waits for work would live on.
    """
    parent = multiprocessing.parent_process()
    assert parent is not None and parent.pid is not None, "no worker of a pool"
    _end_with_parent(parent.pid)


def bound(command: Sequence[str]) -> list[str]:
    """Return the command line that runs `command` so that it is killed as soon as the thread that starts it ends.

    What `command` starts itself is not killed with it, see `tree`.
    """
    return [sys.executable, "-S", __file__, "bound", str(os.getpid()), *command]


@contextmanager
def tree(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[Any]]:
    """Run `command` for as long as the block lasts, then kill it and all that it has started.

    They are killed as well when `command` ends first, and when this process is killed. `options` are those of Popen.
    """
    guarded = [sys.executable, "-S", __file__, "tree", str(os.getpid()), *command] if _LINUX else command
    with subprocess.Popen(guarded, start_new_session=True, **options) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError, PermissionError):  # Of a group without living processes.
                os.killpg(process.pid, signal.SIGKILL)


def _end_with_starter(*names: str) -> None:
    """Be killed when the process ends that set the environment variables `names` for what it started.

    It is the nearest ancestor that has other values itself, and it is in the same process group: make and DVC leave
    their children in theirs, and the shell of a terminal gives each of its commands a group of its own.
    """
    if not _LINUX or any(name not in os.environ for name in names):
        return
    try:
        line = _line_to_starter(names)
        if line is None:
            return
        handles = [os.pidfd_open(process) for process in line[1:]]
        # The process id of a process that has ended may be another's by now.
        if line != _line_to_starter(names):
            _end_orphaned()
    except (FileNotFoundError, ProcessLookupError):
        _end_orphaned()
    _end_with_parent(line[0])
    if handles:
        threading.Thread(target=_end_with_any, args=(handles,), daemon=True).start()


def _line_to_starter(names: Sequence[str]) -> list[int] | None:
    """Return the process ids from the parent up to the starter, None if this process was started by hand.

    Where the starter has ended already, this process ends.

    Raises:
        FileNotFoundError, ProcessLookupError: an ancestor ends at this moment.
    """
    group, values = os.getpgrp(), {name: os.environ[name] for name in names}
    line = [os.getppid()]
    while _group(line[-1]) == group:
        if _environment(line[-1], names) != values:
            return line
        line.append(_parent(line[-1]))
    # Started by hand, this process comes from a shell below the starter, or one of its line leads the group.
    if _environment(line[-1], names) == values or group in (os.getpid(), *line):
        return None
    _end_orphaned()


def _group(process: int) -> int:
    return int(_stat(process)[2])


def _parent(process: int) -> int:
    return int(_stat(process)[1])


def _stat(process: int) -> list[str]:
    """Return the state, the parent, the group, ... of a process, see proc(5)."""
    return Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()


def _environment(process: int, names: Sequence[str]) -> dict[str, str]:
    """Return those of the environment variables `names` that `process` was started with."""
    try:
        entries = Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
    except PermissionError:
        return {}
    pairs = (os.fsdecode(entry).partition("=")[::2] for entry in entries)
    return {name: value for name, value in pairs if name in names}


def _end_orphaned() -> NoReturn:
    os.write(2, b"ended: the process that started this one has ended\n")
    os._exit(1)


def _end_with_parent(parent: int) -> None:
    """Be killed as soon as `parent` ends, the process id of the one that started this process."""
    if not _LINUX:
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        # It ended before the kernel knew.
        _end_orphaned()


def _end_with_any(handles: Sequence[int]) -> None:
    """Wait until one of the processes ends whose pidfds are `handles`, then kill this process."""
    _wait_for_any(handles)
    os.kill(os.getpid(), signal.SIGKILL)


def _wait_for_any(handles: Sequence[int]) -> set[int]:
    ends = select.poll()
    for handle in handles:
        ends.register(handle, select.POLLIN)
    return {handle for handle, _ in ends.poll()}


def _end_at_once(number: int, _frame: FrameType | None) -> None:
    os.write(2, f"{_LINES[number]}\n".encode())
    os._exit(128 + number)


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    raise Terminated


def _run_tree(parent: int, command: Sequence[str]) -> int:
    """Run `command` and return its exit code; kill it and all else of this process group as soon as `parent` ends."""
    watched = os.pidfd_open(parent)
    if os.getppid() != parent:
        _end_orphaned()
    with subprocess.Popen(bound(command)) as process:
        if watched in _wait_for_any([watched, os.pidfd_open(process.pid)]):
            os.killpg(os.getpgrp(), signal.SIGKILL)
    return process.returncode


def _main() -> None:
    """Do what `bound` or `tree` say on the command line: how, the process id of the starter, the command."""
    kind, starter, *command = sys.argv[1:]
    if kind == "tree":
        sys.exit(_run_tree(int(starter), command))
    _end_with_parent(int(starter))
    os.execvp(command[0], command)  # noqa: S606


if __name__ == "__main__":
    _main()
