"""Run a stage in a warm server if one is offered, else here.

``python -m loss_study.warm --with torch stages/train.py mask dice 0``; ``--with`` names the server. Exit code, output
and signals are those of the stage. Only the standard library is imported, because every stage waits for it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
from pathlib import Path

from loss_study import warm
from loss_study.ending import end_with
from loss_study.warm.request import Request, receive_number, run

_FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) if sys.platform == "linux" else ()


def main() -> None:
    """Parse ``--with <name> <command>``, hand the command over or run it."""
    option, name, *command = sys.argv[1:]
    if option != "--with" or not command:
        sys.exit("usage: python -m loss_study.warm --with NAME (SCRIPT | -m MODULE) [ARGUMENT ...]")
    parent = os.getppid()
    connection = _connect(name)
    if connection is None or not _hand_over(connection, command):
        run(command)
    else:
        _end_as(_wait(connection, name, parent))


def _connect(name: str) -> socket.socket | None:
    """Return a connection to the server `name`, None where there is none.

    Under plain DVC, the first stage that wants torch starts a server for all that follow, which ends with DVC.
    """
    if folder := os.environ.get(warm.FOLDER):
        return _connected(f"{folder}/{name}")
    if sys.platform != "linux" or "DVC_ROOT" not in os.environ:
        return None
    dvc = os.getppid()
    address = f"{os.environ['DVC_ROOT']}/.dvc/tmp/torch-{dvc}.socket"
    return _connected(address) or (_started(address, dvc) if name == "torch" else None)


def _connected(address: str) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(address)
    except OSError:
        connection.close()
        return None
    return connection


def _started(address: str, dvc: int) -> socket.socket | None:
    from loss_study.warm import offer  # noqa: PLC0415 -- later stages do without its imports

    try:
        offer.start("torch", Path(address), dvc)
    except OSError:
        return None
    return _connected(address)


def _hand_over(connection: socket.socket, command: list[str]) -> bool:
    """Whether the server started the command; until it says so, nothing has run."""
    try:
        Request.here(command).send(connection)
        receive_number(connection)
    except OSError:
        return False
    except KeyboardInterrupt:
        sys.exit(130)
    return True


def _wait(connection: socket.socket, name: str, parent: int) -> int:
    """Pass signals on until the command ends; return its exit code, negative for a signal.

    If this process is killed, the server sees the connection close, and kills the command.
    """
    for number in _FORWARDED:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda received, _: connection.send(bytes([received])))
    end_with(parent)
    try:
        return receive_number(connection)
    except ConnectionError:
        sys.exit(f"error: the warm server {name!r} ended, and this stage with it; run the same command again")


def _end_as(code: int) -> None:
    """End as the stage did, by the same signal if it was one."""
    if code < 0:
        with contextlib.suppress(OSError):
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)


if __name__ == "__main__":
    main()
