"""A port for a server of a test."""

import itertools
import os
import socket

_numbers = itertools.count()
#: Where the system looks for a port that nobody asked for by number, Linux by default from 32768 on, a free one may be
#: somebody's by the time that a server starts. These are below, for each process of pytest other ones.
_FIRST, _EACH = 20_000, 1_000


def free_port() -> int:
    """Return a port of 127.0.0.1 that nothing uses; every call another one."""
    process = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    while True:
        port = _FIRST + process * _EACH + next(_numbers) % _EACH
        with socket.socket() as one:
            try:
                one.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
