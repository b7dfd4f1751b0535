"""Servers for as long as a study runs."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from contextlib import AbstractContextManager, suppress
from pathlib import Path

import psutil

from loss_study import warm
from loss_study.warm.request import Request, receive_number

_PREFIX = "loss-study-"
_TORCH = ("torch", "numpy.random", "yaml", "rich.progress", "filelock", "pydantic.main", "pydantic.types")
#: The servers, and what each of them imports.
LOADED = {
    "dvc": (
        "dvc.cli.parser",
        "dvc.repo.reproduce",
        "dvc.repo.open_repo",
        "dvc.repo.plots",
        "dvc.repo.metrics.show",
        "dvc.utils.strictyaml",
        "dvc.stage.run",
        "dvc.rwlock",
        "scmrepo.git",
    ),
    "torch": _TORCH,
    "mlflow": (*_TORCH, "mlflow.pytorch", "mlflow.store.tracking.sqlalchemy_store", "scipy.special", "matplotlib"),
}


def start(name: str, address: Path, master: int) -> subprocess.Popen[bytes]:
    """Start the server `name` of `LOADED`, listening at `address`, until the process `master` ends.

    It imports in the background; a command that comes early waits for it.

    Raises:
        OSError: it cannot listen there.
    """
    with _listening(address) as listener:
        command = [sys.executable, *_command(master), *LOADED[name]]
        return subprocess.Popen(command, stdin=listener, stdout=subprocess.DEVNULL, start_new_session=True)


def _listening(address: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    address.unlink(missing_ok=True)
    listener.bind(str(address))
    listener.listen()
    return listener


def _command(master: int) -> list[str]:
    return ["-m", "loss_study.warm.server", str(master)]


def _sweep() -> None:
    """Remove the folders that processes of this user left behind when they were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}[0-9]*-*"):
        process = folder.name.removeprefix(_PREFIX).partition("-")[0]
        with suppress(OSError, ValueError):
            if folder.stat().st_uid == os.getuid() and not psutil.pid_exists(int(process)):
                shutil.rmtree(folder, ignore_errors=True)


class Servers(AbstractContextManager["Servers"]):
    """Warm servers for all that this process runs, until the ``with`` block or, in whatever way, the process ends.

    Systems other than Linux get none.
    """

    def __init__(self) -> None:
        _sweep()
        self._folder = tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-")
        self._processes: list[subprocess.Popen[bytes]] = []
        self._nested: list[socket.socket] = []

    def __enter__(self) -> Servers:
        os.environ[warm.FOLDER] = self._folder
        return self

    def start(self, name: str, within: str | None = None) -> None:
        """Start the server `name` of `LOADED` in the background, unless it is there.

        `within` names a running server that becomes it, so that what both import is imported once.
        """
        address = Path(self._folder, name)
        if sys.platform != "linux" or address.exists():
            return
        with suppress(OSError):  # Without a server, its commands run in processes of their own.
            if within is None:
                self._processes.append(start(name, address, os.getpid()))
            else:
                self._start_within(within, name, address)

    def _start_within(self, server: str, name: str, address: Path) -> None:
        connection = socket.socket(socket.AF_UNIX)
        self._nested.append(connection)
        connection.connect(f"{self._folder}/{server}")
        with _listening(address) as listener:
            request = Request.here([*_command(os.getpid()), "--within", *LOADED[name]])
            request.send(connection, (listener.fileno(), 1, 2))
        receive_number(connection)

    def __exit__(self, *_: object) -> None:
        os.environ.pop(warm.FOLDER, None)
        for connection in self._nested:
            connection.close()
        for process in self._processes:
            process.kill()
            process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)
