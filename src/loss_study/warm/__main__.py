"""Run a stage in a warm server if one is offered, else here.

``python -m loss_study.warm --with torch stages/train.py mask dice 0``; ``--with`` names the server, ``--then`` one that
a later stage wants, to be started when this one is done. Exit code, output and signals are those of the stage. Only the
standard library is imported, because every stage waits for it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
from pathlib import Path

from loss_study import warm
from loss_study.runtime.processes import end_with
from loss_study.warm.request import Request, receive_number, run

_FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) if sys.platform == "linux" else ()


def main() -> None:
    """Hand the command over, or run it."""
    name, following, command = _parse(sys.argv[1:])
    parent = os.getppid()
    connection = _connect(name)
    if connection is None or not _hand_over(connection, command):
        run(command)
        return
    code = _wait(connection, name, parent)
    if code == 0 and following:
        _offer(following)
    _end_as(code)


def _parse(arguments: list[str]) -> tuple[str, str | None, list[str]]:
    """Return the server to use, the one to start afterwards, and the command."""
    options, command = {}, arguments
    while len(command) > 1 and command[0] in ("--with", "--then"):
        (option, name), command = command[:2], command[2:]
        options[option] = name
    if "--with" not in options or not command:
        sys.exit("usage: python -m loss_study.warm --with NAME [--then NAME] (SCRIPT | -m MODULE) [ARGUMENT ...]")
    return options["--with"], options.get("--then"), command


def _connect(name: str) -> socket.socket | None:
    """Return a connection to the server `name`, None where there is none.

    Under plain DVC, the first stage that wants torch starts a server for all that follow, which ends with DVC.
    """
    if folder := os.environ.get(warm.FOLDER):
        return _connected(f"{folder}/{name}")
    if not _is_plain_dvc():
        return None
    if name == "torch":
        _offer(name)
    return _connected(_address(name)) or _connected(_address("torch"))


def _is_plain_dvc() -> bool:
    return sys.platform == "linux" and warm.FOLDER not in os.environ and "DVC_ROOT" in os.environ


def _address(name: str) -> str:
    """Where the server `name` listens that ends with DVC, this process's parent."""
    return f"{os.environ['DVC_ROOT']}/.dvc/tmp/{name}-{os.getppid()}.socket"


def _connected(address: str) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(address)
    except OSError:
        connection.close()
        return None
    return connection


def _offer(name: str) -> None:
    """Under plain DVC, start the server `name` unless it is there."""
    if not _is_plain_dvc() or Path(_address(name)).exists():
        return
    from loss_study.warm import offer  # noqa: PLC0415 -- other stages do without its imports

    with contextlib.suppress(OSError):  # Without a server, commands run in processes of their own.
        offer.start(name, Path(_address(name)), os.getppid())


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
