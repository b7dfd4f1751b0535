"""A process that has done the slow imports and forks itself into one command after the other.

``python -m loss_study.warm.server 1234 torch numpy``, with a listening socket as its standard input; it ends with the
process 1234. Within another server ``--within`` comes before the names. It imports no module of loss_study but this
package and `ending`, so that every command reads the code as it is then, and starts no thread and no CUDA.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import os
import selectors
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from loss_study.runtime.processes import end_with
from loss_study.warm.request import STREAMS, Request, send_number

WITHIN = "--within"
#: MLflow imports these where they are installed, 8 s, for a service that no stage uses.
_UNWANTED = ("lightning", "pytorch_lightning")
#: A launcher sends its request at once; one that hangs must not hold up the others.
_PATIENCE_SECONDS = 10


def main() -> None:
    """Import, then serve; below `serve` this process is a forked child."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    master, *names = sys.argv[1:]
    # A server within a server is a command of the outer one, which ends it.
    run = Request.run if WITHIN in names else QuickEnd().run
    server = Server(socket.socket(fileno=os.dup(0)), os.pidfd_open(int(master)))
    _load([name for name in names if name != WITHIN])
    run(server.serve())


class QuickEnd:
    """Ends a command as Python does, but for taking apart all that was imported: half a second for torch.

    It registers first, so that it comes after whatever else is to be done on exit.
    """

    def __init__(self) -> None:
        self._code: int | None = None
        atexit.register(self._leave)

    def run(self, request: Request) -> None:
        """Run the command; one that ends by an exception ends in Python's own way."""
        try:
            request.run()
            self._code = 0
        except SystemExit as stop:
            self._code = stop.code & 0xFF if isinstance(stop.code, int) else int(stop.code is not None)
            raise

    def _leave(self) -> None:
        if self._code is not None:
            with contextlib.suppress(OSError):  # Python says itself that it could not write.
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(self._code)


def _load(names: list[str]) -> None:
    """Import what there is of `names`; the command will say what it misses."""
    sys.modules.update(dict.fromkeys(_UNWANTED))
    for name in names:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    for name in _UNWANTED:
        del sys.modules[name]
    gc.freeze()  # Garbage collection in a child would copy the pages of all that it shares with the server.


@dataclass(frozen=True)
class Child:
    """A running command: its process, a descriptor that tells of its end, and the launcher's connection."""

    pid: int
    handle: int
    launcher: socket.socket


class Server:
    """Forks a child for every request, passes the launcher's signals on, and answers with the exit code.

    `master` is a descriptor of the process that it ends with.
    """

    def __init__(self, listener: socket.socket, master: int) -> None:
        self._listener = listener
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ)
        self._selector.register(master, selectors.EVENT_READ, self._end)

    def serve(self) -> Request:
        """Serve for as long as the master lives; returns in a forked child only, the request that it shall run."""
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._listener:
                    request = self._accept()
                    if request is not None:
                        return request
                else:
                    key.data()

    def _end(self) -> None:
        """End with the process that the server is for; the kernel ends the children."""
        Path(self._listener.getsockname()).unlink(missing_ok=True)
        sys.exit()

    def _accept(self) -> Request | None:
        """Fork for the next request; returns it in the child, None in the server."""
        launcher, _ = self._listener.accept()
        launcher.settimeout(_PATIENCE_SECONDS)
        try:
            request, streams = Request.receive(launcher)
        except (OSError, ValueError):
            launcher.close()
            return None
        server = os.getpid()
        pid = os.fork()
        if pid == 0:
            os.setpgid(0, 0)
            end_with(server)
            _tell(launcher)
            self._forget(launcher)
            _take(streams)
            return request
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)
        for stream in streams:
            os.close(stream)
        self._watch(Child(pid, os.pidfd_open(pid), launcher))
        return None

    def _watch(self, child: Child) -> None:
        self._selector.register(child.launcher, selectors.EVENT_READ, lambda: self._signal(child))
        self._selector.register(child.handle, selectors.EVENT_READ, lambda: self._ended(child))

    def _signal(self, child: Child) -> None:
        """Pass the launcher's signals on to the child and what it started; a launcher that is gone means SIGKILL."""
        if child.launcher.fileno() < 0:
            return  # It ended in the same moment.
        try:
            numbers = child.launcher.recv(16)
        except OSError:
            numbers = b""
        if not numbers:
            self._selector.unregister(child.launcher)
        for number in numbers or [signal.SIGKILL]:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, number)

    def _ended(self, child: Child) -> None:
        code = os.waitstatus_to_exitcode(os.waitpid(child.pid, 0)[1])
        with contextlib.suppress(OSError):
            send_number(child.launcher, code)
        self._selector.unregister(child.handle)
        if child.launcher in self._selector.get_map():
            self._selector.unregister(child.launcher)
        os.close(child.handle)
        child.launcher.close()

    def _forget(self, launcher: socket.socket) -> None:
        """Close what a child inherits of the server's; the launchers' connections must not outlive the server."""
        for key in list(self._selector.get_map().values()):
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
            else:
                os.close(key.fd)
        self._selector.close()
        launcher.close()


def _tell(launcher: socket.socket) -> None:
    """Say in the child that it begins, before it does: a launcher that does not hear it runs the command itself."""
    try:
        send_number(launcher, os.getpid())
    except OSError:
        os._exit(1)


def _take(streams: list[int]) -> None:
    """Make the launcher's standard streams those of this process."""
    for number, stream in zip(STREAMS, streams, strict=True):
        os.dup2(stream, number)
        os.close(stream)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for file in (sys.stdout, sys.stderr):
        file.reconfigure(line_buffering=file.isatty())


if __name__ == "__main__":
    main()
