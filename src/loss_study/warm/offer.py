"""Servers for as long as a study runs."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path

from loss_study import warm
from loss_study.warm.request import Request, receive_number

_TORCH = ("torch", "numpy", "pydantic", "yaml", "rich.progress")
#: The servers, and what each of them imports.
LOADED = {
    "dvc": ("dvc.cli", "dvc.commands.repro", "dvc.commands.status", "dvc.repo.reproduce", "dvc.stage.run"),
    "torch": _TORCH,
    "mlflow": (*_TORCH, "mlflow.pytorch"),
}


class Servers(AbstractContextManager["Servers"]):
    """Warm servers for all that this process runs, until the ``with`` block or, in whatever way, the process ends.

    Enter it in the main thread: to the kernel, the thread is the servers' parent. Systems other than Linux get none.
    """

    def __init__(self) -> None:
        self._folder = tempfile.mkdtemp(prefix="loss-study-")
        self._processes: list[subprocess.Popen[bytes]] = []
        self._nested: list[socket.socket] = []

    def __enter__(self) -> Servers:
        os.environ[warm.FOLDER] = self._folder
        return self

    def start(self, name: str, within: str | None = None) -> None:
        """Start the server `name` of `LOADED` in the background; a command that comes early waits for it.

        `within` names a running server that becomes it, so that what both import is imported once.
        """
        address = Path(self._folder, name)
        if sys.platform != "linux" or address.exists():
            return
        command = ["-m", "loss_study.warm.server", *LOADED[name]]
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(address))
            listener.listen()
            if within is None:
                server = subprocess.Popen([sys.executable, *command], stdin=listener, start_new_session=True)
                self._processes.append(server)
            else:
                self._ask(within, command, listener)

    def _ask(self, server: str, command: list[str], listener: socket.socket) -> None:
        """Let a child of `server` run `command` with `listener` as its stdin, until the connection closes."""
        connection = socket.socket(socket.AF_UNIX)
        self._nested.append(connection)
        try:
            connection.connect(f"{self._folder}/{server}")
            Request.here(command).send(connection, (listener.fileno(), 1, 2))
            receive_number(connection)
        except OSError:
            return  # No server: whoever asks for it does without.

    def __exit__(self, *_: object) -> None:
        os.environ.pop(warm.FOLDER, None)
        for connection in self._nested:
            connection.close()
        for process in self._processes:
            process.kill()
            process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)
