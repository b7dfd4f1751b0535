"""However the pages of MLflow are closed, none of their processes lives on."""

import contextlib
import fcntl
import os
import pty
import signal
import subprocess
import sys
import termios
import time
import urllib.request

import psutil
import pytest

from support.ports import free_port

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
SECONDS_TO_START = 600


@pytest.fixture
def pages(tmp_path):
    """A function that serves the pages in a terminal of their own; returns process, terminal and all its processes."""
    (tmp_path / ".dvc").mkdir()
    port = free_port()
    ui = [sys.executable, "-m", "loss_study", "ui", "--port", str(port)]
    ours = ("DVC_ROOT", "DVC_STAGE", "MAKELEVEL", "MAKEFLAGS", "MFLAGS", "MLFLOW_TRACKING_URI")
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    serving = []

    def served(by_make):
        (tmp_path / "Makefile").write_text(f"ui:\n\t@{' '.join(ui)}\n")
        terminal, end = pty.openpty()
        log = (tmp_path / "log").open("w")
        process = subprocess.Popen(
            ["make"] if by_make else ui,
            cwd=tmp_path,
            env=environment,
            stdin=end,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 -- there is one thread
        )
        os.close(end)
        deadline = time.monotonic() + SECONDS_TO_START
        while not answers(port):
            assert process.poll() is None and time.monotonic() < deadline, (tmp_path / "log").read_text()
            time.sleep(0.2)
        serving.extend([psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)])
        return process, terminal, serving

    yield served
    for one in serving:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()


def answers(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
            return True
    except OSError:
        return False


def lives(process):
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


#: The others take as long and differ in nothing that tests/runtime/test_processes.py does not test without MLflow.
LONG = [
    pytest.param(how, marks=pytest.mark.long) for how in ("killed make", "closed terminal", "killed", "killed server")
]


@pytest.mark.parametrize("how", ["ctrl-c", *LONG])
def test_closing_the_pages_ends_all_their_processes(pages, how):
    process, terminal, everyone = pages(by_make=how == "killed make")
    assert len(everyone) >= 4, everyone  # The command, the guard of the server, the server, its worker.
    if how == "ctrl-c":
        os.write(terminal, b"\x03")
    elif how == "closed terminal":
        os.close(terminal)
    elif how == "killed server":
        next(one for one in everyone if "mlflow" in one.cmdline()[1:4]).send_signal(signal.SIGKILL)
    else:
        process.kill()
    # Beside other tests MLflow takes its time; the claim is about what is left after it.
    process.wait(timeout=120)
    deadline = time.monotonic() + 30
    while alive := [one for one in everyone if lives(one)]:
        assert time.monotonic() < deadline, alive
        time.sleep(0.05)
