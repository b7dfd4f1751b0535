"""A lock is held by one process at a time, names it, and ends with it."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from loss_study.runtime.errors import StudyError
from loss_study.runtime.locks import locked

HOLDER = """
import sys, time
from pathlib import Path
from loss_study.runtime.locks import locked
with locked(Path(sys.argv[1]), "training"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process, which holds the lock."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "a.lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_lock_held_elsewhere_is_one_line_that_names_the_holder(tmp_path, holder):
    message = rf"a\.lock: process {holder.pid} on .* is training; wait until it ends, or end it$"
    with pytest.raises(StudyError, match=message), locked(tmp_path / "a.lock", "training", wait_seconds=0.2):
        pytest.fail("locked twice")


def test_the_lock_of_a_killed_process_is_free(tmp_path, holder):
    holder.send_signal(signal.SIGKILL)
    with locked(tmp_path / "a.lock", "training", wait_seconds=60):
        assert (tmp_path / "a.lock").read_text().startswith(f"process {os.getpid()} on ")
    assert not list(tmp_path.iterdir())


def test_waiting_is_said_once_and_ends_with_the_holder(tmp_path, holder):
    heard, began = [], time.monotonic()

    def hear(line):
        heard.append(line)
        threading.Timer(0.4, holder.kill).start()

    with locked(tmp_path / "a.lock", "training", wait_seconds=-1, on_wait=hear):
        assert time.monotonic() - began >= 0.4
    assert heard[0].startswith(f"waiting for process {holder.pid} on ") and heard[0].endswith(", which is training")
    assert len(heard) == 1


COUNTER = """
import sys
from pathlib import Path
from loss_study.runtime.locks import locked
folder = Path(sys.argv[1])
for _ in range(50):
    with locked(folder / "a.lock", "counting", wait_seconds=-1):
        count = folder / "count"
        count.write_text(str(int(count.read_text()) + 1))
"""


def test_processes_exclude_each_other_although_each_removes_the_lock_file(tmp_path):
    (tmp_path / "count").write_text("0")
    started = [subprocess.Popen([sys.executable, "-c", COUNTER, str(tmp_path)]) for _ in range(3)]
    assert [process.wait(300) for process in started] == [0, 0, 0]
    assert (tmp_path / "count").read_text() == "150"


def test_an_error_in_the_block_releases_the_lock_and_the_folder_is_created(tmp_path):
    path = tmp_path / "new" / "a.lock"
    with pytest.raises(KeyboardInterrupt), locked(path, "training"):
        raise KeyboardInterrupt
    with locked(path, "training"):
        pass


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_one_line(tmp_path, monkeypatch, code):
    def flock(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", flock)
    message = rf"a\.lock: no file can be locked there \({os.strerror(code)}\); use a folder on another disk$"
    with pytest.raises(StudyError, match=message), locked(tmp_path / "a.lock", "training"):
        pytest.fail("locked")
