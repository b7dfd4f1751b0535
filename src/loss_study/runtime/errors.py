"""The exception whose message is for the user, and how a stage shows it."""

from __future__ import annotations

import difflib
import errno
import os
import re
import select
import signal
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from loss_study.runtime.printable import printable
from loss_study.runtime.processes import Terminated, end_with_dvc, signals_raise
from loss_study.runtime.redaction import without_secrets

#: What NumPy says of a full disk.
_NUMPY_FULL = re.compile(r"\d+ requested and \d+ written")

_PACKAGE = Path(__file__).parents[1]
#: In the environment of a process that was started again: the folder of the code that it should run.
_STARTED_AGAIN = "LOSS_STUDY_STARTED_AGAIN"
_STDOUT = 1
_DENIED = {errno.EROFS, errno.EACCES, errno.EPERM}


class StudyError(Exception):
    """An error that the user can fix; the message is one line, names the key or file and says what to do."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint such as ``did you mean 'dice'? (known: bce, dice)`` for an unknown `name`."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    guess = f"did you mean {close[0]!r}? " if close else ""
    return f"{guess}(known: {', '.join(names)})"


def in_one_line(error: Exception) -> str:
    """Return an error of somebody's code as ``KeyError: 'a'``, without line breaks."""
    return " ".join(f"{type(error).__name__}: {error}".split())


def run_stage(main: Callable[[], None]) -> None:
    """Run a stage's `main`; a `StudyError`, Ctrl-C, SIGTERM or a full disk ends in one line on stderr, no traceback.

    Exit codes: 1 for an error, 130 for Ctrl-C, 143 for SIGTERM. Any other exception is a bug and
    keeps its traceback; so does every error when ``LOSS_STUDY_DEBUG`` is set. Where nobody reads stdout any more, as in
    ``loss-study show | head``, there is no line. A stage that DVC runs ends with DVC.
    In the project's folder, the code that runs is that of the folder.
    """
    try:
        _run_code_of_this_folder()
        end_with_dvc()
        with signals_raise():
            main()
            sys.stdout.flush()
    except Terminated:
        _end("terminated", 143)
    except KeyboardInterrupt:
        _end("interrupted", 130)
    except (StudyError, OSError) as error:
        if os.environ.get("LOSS_STUDY_DEBUG"):
            raise
        if isinstance(error, BrokenPipeError) and _nobody_reads():
            # Python writes what is left when it ends, and would say that it cannot.
            os.dup2(os.open(os.devnull, os.O_WRONLY), _STDOUT)
            sys.exit(1)
        _end(f"error: {_one_line(error)}", 1)


def _nobody_reads() -> bool:
    """Return True if the program that read stdout has ended, as `head` does after its last line."""
    poll = select.poll()
    poll.register(_STDOUT, 0)
    return bool(poll.poll(0))


def _run_code_of_this_folder() -> None:
    """Start this process again with the package of the project around it, where Python has found another one.

    So it does with the environment of another clone, and in the folder of an experiment (``dvc exp run --temp``), which
    has the code of a commit. DVC would record the code of the folder, and the numbers would be those of another.

    Raises:
        StudyError: Python does not take it, because of an option such as -I or a colon in the folder's name.
    """
    here = Path.cwd()
    packages = (folder / "src" / _PACKAGE.name for folder in (here, *here.parents))
    own = next((package for package in packages if (package / "__init__.py").is_file()), _PACKAGE)
    if own.samefile(_PACKAGE):
        return
    code = own.parent
    if os.environ.get(_STARTED_AGAIN) == str(code):
        raise StudyError(f"{_PACKAGE}: Python runs this code and not that of {code}; use this folder's environment")
    os.environ[_STARTED_AGAIN] = str(code)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(code), os.environ.get("PYTHONPATH")]))
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and (error.errno == errno.ENOSPC or _NUMPY_FULL.fullmatch(str(error))):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}the disk is full; free some space and run the same command again"
    if isinstance(error, OSError) and error.errno in _DENIED:
        where = f"{error.filename}: " if error.filename else ""
        is_closed = bool(error.filename) and Path(error.filename).is_file() and not os.access(error.filename, os.R_OK)
        needed = "a file that you may read" if is_closed else "a folder that you may write to"
        return f"{where}{error.strerror}; it takes {needed}"
    # Names of files may hold what a terminal takes for commands.
    return printable(" ".join(without_secrets(str(error)).split()))


def _end(message: str, code: int) -> None:
    # There is nothing left to clean up: a second Ctrl-C ends the process at once, without a message.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    print(message, file=sys.stderr, flush=True)
    sys.exit(code)
