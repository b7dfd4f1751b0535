"""How a process ends: on SIGTERM as on Ctrl-C, and never later than the process that started it."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

_PR_SET_PDEATHSIG, _PR_GET_PDEATHSIG = 1, 2
_LINES = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}


class Terminated(KeyboardInterrupt):
    """SIGTERM has arrived; whatever tidies up after Ctrl-C tidies up after it too."""


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
        for number, handler in before.items():
            signal.signal(number, handler)


def signals_end_at_once() -> None:
    """From here on, Ctrl-C and SIGTERM end this process in one line, unless they are ignored.

    For the time of the imports: half-way through one, an exception is shown with its traceback or lost.
    """
    for number in _LINES:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end_at_once)


def end_with(parent: int) -> None:
    """Have this process killed as soon as `parent`, the process id of the one that started it, ends for any reason.

    SIGKILL, so that nothing can delay it: all files are written atomically. The kernel does it, on Linux only.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        # It ended before the kernel knew.
        os.kill(os.getpid(), signal.SIGKILL)


def end_with_dvc() -> None:
    """In a stage that DVC runs, `end_with` DVC, unless it is bound to another process already.

    Elsewhere nothing: a stage that was started by hand may outlive its shell.
    """
    if "DVC_STAGE" not in os.environ or _is_bound():
        return
    parent = os.getppid()
    # DVC starts its stages in its own process group; a process that inherits orphans is in another one.
    end_with(parent if os.getpgid(parent) == os.getpgrp() else -1)


def end_with_pool() -> None:
    """In a worker of a pool, `end_with` the process that has the pool; waiting for work it would not notice."""
    from multiprocessing import parent_process  # noqa: PLC0415 -- no stage but `sample` needs it

    parent = parent_process()
    assert parent is not None and parent.pid is not None, "no worker"
    end_with(parent.pid)


def _is_bound() -> bool:
    if sys.platform != "linux":
        return False
    number = ctypes.c_int()
    ctypes.CDLL(None).prctl(_PR_GET_PDEATHSIG, ctypes.byref(number))
    return number.value != 0


def bound(command: Sequence[str]) -> list[str]:
    """Return the command line that runs `command` so that it is killed as soon as this process ends."""
    return [sys.executable, "-S", __file__, str(os.getpid()), *command]


def _end_at_once(number: int, _frame: FrameType | None) -> None:
    os.write(2, f"{_LINES[number]}\n".encode())
    os._exit(128 + number)


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    raise Terminated


def _main() -> None:
    """Become the command on the command line, bound to the process whose id stands before it."""
    end_with(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606


if __name__ == "__main__":
    _main()
