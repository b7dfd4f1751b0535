"""Where DVC keeps its notes of files and their hashes: a folder of this account's own.

DVC's default is one folder for all accounts of a machine, into which all of them may write, and DVC unpickles what is
there: it would run the code of whoever replaces the notes of a project (`dvc checkout`, `dvc exp apply`).
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from loss_study.runtime.errors import StudyError

VARIABLE = "DVC_SITE_CACHE_DIR"
#: On this machine's own disk: the notes are databases, which do not like a home on a network.
PLACE = Path("/var/tmp")  # noqa: S108 -- checked to be the account's own


def keep_private() -> None:
    """Let every DVC that this process starts keep its notes where no other account may write.

    A place that ``DVC_SITE_CACHE_DIR`` names already stays.

    Raises:
        StudyError: the folder belongs to another account, or others may write into it.
    """
    if os.name != "posix" or os.environ.get(VARIABLE):
        return
    folder = PLACE / f"dvc-{os.getuid()}"
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise StudyError(
            f"{folder}: not a folder of this account alone, and DVC runs what others put there; "
            f"remove it, or name another in {VARIABLE}"
        )
    os.environ[VARIABLE] = str(folder)
