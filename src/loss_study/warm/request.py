"""What a launcher hands to a server: a command, its surroundings, and its three standard streams."""

from __future__ import annotations

import json
import os
import runpy
import socket
import struct
import sys
from pathlib import Path
from typing import NamedTuple

from loss_study.runtime.processes import signals_end_at_once

STREAMS = (0, 1, 2)
_OWN = __name__.partition(".")[0]
_LENGTH = struct.Struct("!Q")
_NUMBER = struct.Struct("!i")


class Request(NamedTuple):
    """Run `command`, as the arguments of ``python`` (``script ...`` or ``-m module ...``), in these surroundings."""

    command: list[str]
    folder: str
    environment: dict[str, str]
    path: list[str]

    @staticmethod
    def here(command: list[str]) -> Request:
        """Return the request to run `command` as this process would."""
        return Request(command, str(Path.cwd()), dict(os.environ), sys.path)

    def send(self, connection: socket.socket, streams: tuple[int, int, int] = STREAMS) -> None:
        """Send it with the descriptors `streams` that shall be stdin, stdout and stderr."""
        body = json.dumps(self._asdict()).encode()
        socket.send_fds(connection, [_LENGTH.pack(len(body))], streams)
        connection.sendall(body)

    @staticmethod
    def receive(connection: socket.socket) -> tuple[Request, list[int]]:
        """Return what `send` sent, and the descriptors; ConnectionError if the sender went away."""
        head, streams, _, _ = socket.recv_fds(connection, _LENGTH.size, len(STREAMS))
        if len(head) < _LENGTH.size or len(streams) < len(STREAMS):
            raise ConnectionError
        body = receive_exactly(connection, *_LENGTH.unpack(head))
        return Request(**json.loads(body)), streams

    def run(self) -> None:
        """Become the command: run it in this process, with its arguments, folder, environment and import path."""
        os.chdir(self.folder)
        os.environ.clear()
        os.environ.update(self.environment)
        sys.path[:] = self.path
        for name in [name for name in sys.modules if name.partition(".")[0] == _OWN]:
            del sys.modules[name]  # The server's; the command reads its own.
        run(self.command)


def run(command: list[str]) -> None:
    """Run ``script ...`` or ``-m module ...`` in this process as ``python`` does."""
    if command[0] == "-m":
        sys.argv[:] = command[1:]
        runpy.run_module(command[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv[:] = command
        sys.path[0] = str(Path(command[0]).parent.resolve())
        signals_end_at_once()  # until `run_stage`, in which the script has imported what it needs
        runpy.run_path(command[0], run_name="__main__")


def send_number(connection: socket.socket, number: int) -> None:
    """Send an answer: first the child's process id, at the end its exit code."""
    connection.sendall(_NUMBER.pack(number))


def receive_number(connection: socket.socket) -> int:
    """Return the next answer; ConnectionError if the server is gone."""
    return _NUMBER.unpack(receive_exactly(connection, _NUMBER.size))[0]


def receive_exactly(connection: socket.socket, size: int) -> bytes:
    """Return the next `size` bytes; ConnectionError if there are fewer."""
    received = b""
    while len(received) < size:
        part = connection.recv(size - len(received))
        if not part:
            raise ConnectionError
        received += part
    return received
