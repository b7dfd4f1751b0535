"""What a node does with a task: check the commit out in a clone of its own, pull the data, run the stage, push.

Ray sends this module along by value, so that a node needs the study's environment, but no copy of this program: it
imports nothing of it.
"""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from filelock import FileLock, Timeout


class Inbox:
    """A Ray actor that keeps what tasks say until the head takes it."""

    def __init__(self) -> None:
        self._lines: list[tuple[str, str]] = []

    def put(self, name: str, line: str) -> None:
        """Keep a line of the output of the task `name`."""
        self._lines.append((name, line))

    def take(self) -> list[tuple[str, str]]:
        """Return names and lines that were put since the last time."""
        lines, self._lines = self._lines, []
        return lines


def run(shipment: dict[str, Any], name: str, stage: str, needs: Sequence[str], folder: str, inbox: Any) -> int:
    """Run `stage` at the shipped commit, but for what the remote has already, and return the exit code.

    Args:
        shipment: the fields of a `Shipment`.
        name: begins what the task says of itself.
        stage: of DVC.
        needs: the stages whose outputs it reads, beside the packed sample.
        folder: where this node keeps its clones.
        inbox: the handle of an `Inbox`.
    """
    import ray  # noqa: PLC0415

    def say(line: str) -> None:
        ray.get(inbox.put.remote(name, line))

    with own_clone(Path(folder).expanduser()) as repository:
        say(f"{name}  on {socket.gethostname()}, in {repository}")
        check_out(repository, shipment)
        for command in (
            ("pull", "check", "sample", *needs),
            ("repro", "--pull", "--single-item", stage),
            ("push", "--run-cache", stage),
        ):
            code = _dvc(repository, command, shipment["environment"], say)
            if code != 0:
                return code
    return 0


@contextmanager
def own_clone(folder: Path) -> Iterator[Path]:
    """Yield the repository folder of the first clone on this node that no other task is using.

    Homes on a network disk are shared by several nodes, hence the name of the host in the path. The lock is the
    kernel's and ends with the process that holds it.
    """
    for number in itertools.count():
        place = folder / socket.gethostname() / str(number)
        _make_private(place)
        lock = FileLock(place / "lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue
        try:
            yield place / "repository"
        finally:
            lock.release()
        return


def _make_private(folder: Path) -> None:
    """Make a folder, and what is missing above it, that nobody else may enter: what is in it is run as this user."""
    before = os.umask(0o077)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    finally:
        os.umask(before)


def check_out(repository: Path, shipment: dict[str, Any]) -> None:
    """Bring the clone in `repository` to the shipped commit and files; what git ignores, DVC's cache too, stays."""
    try:
        _bring_to(repository, shipment)
    except subprocess.CalledProcessError:
        # A task that was killed in the middle of this may leave a clone that git refuses.
        shutil.rmtree(repository)
        _bring_to(repository, shipment)
    for path, content in shipment["files"].items():
        (repository / path).write_bytes(content)


def _bring_to(repository: Path, shipment: dict[str, Any]) -> None:
    commit = shipment["commit"]
    repository.mkdir(exist_ok=True)
    _git(repository, "init", "--quiet")
    with NamedTemporaryFile(suffix=".bundle") as bundle:
        bundle.write(shipment["bundle"])
        bundle.flush()
        _git(repository, "fetch", "--quiet", bundle.name, "HEAD")
    _git(repository, "checkout", "--quiet", "--force", "--detach", commit)
    _git(repository, "clean", "--quiet", "--force", "-d")


def _git(repository: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=repository, check=True, capture_output=True)


def _dvc(repository: Path, arguments: Sequence[str], environment: dict[str, str], say: Callable[[str], None]) -> int:
    """Run DVC, bound to this process so that it ends with a worker that is killed, and return its exit code."""
    bound = [sys.executable, "-S", "src/loss_study/runtime/processes.py", "bound", str(os.getpid())]
    with subprocess.Popen(
        [*bound, sys.executable, "-m", "dvc", *arguments],
        cwd=repository,
        env={
            **os.environ,
            **environment,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(repository / "src"),
            # Beside the clone, where nobody else may enter: DVC unpickles what is there.
            "DVC_SITE_CACHE_DIR": str(repository.parent / "dvc"),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        for line in process.stdout or ():
            say(line.rstrip())
    return process.returncode
