"""DVC's notes of files are where no other account of the machine may write."""

import os
import pickle
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from loss_study.orchestration import dvc_notes
from loss_study.runtime.errors import StudyError

INSERT = (
    "INSERT INTO Cache(key, raw, store_time, expire_time, access_time, tag, mode, filename, value) "
    "VALUES (?, 0, 0, null, 0, null, 4, null, ?)"
)


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.delenv(dvc_notes.VARIABLE, raising=False)
    monkeypatch.setattr(dvc_notes, "PLACE", tmp_path)
    return tmp_path / f"dvc-{os.getuid()}"


class Harm:
    def __reduce__(self):
        return os.mkdir, ("harm",)


def dvc(*words):
    return subprocess.run([sys.executable, "-m", "dvc", *words], check=False, capture_output=True, text=True)


def test_what_another_account_puts_where_dvc_keeps_its_notes_by_default_is_not_run(place, tmp_path, monkeypatch):
    everyones, project = tmp_path / "everyones", tmp_path / "project"
    for folder in (everyones, project):
        folder.mkdir()
    monkeypatch.chdir(project)
    monkeypatch.setenv(dvc_notes.VARIABLE, str(everyones))
    dvc("init", "--quiet", "--no-scm")
    # Any account of the machine may write here, and may replace what is there.
    assert (everyones / "repo").stat().st_mode & 0o1777 == 0o777
    (notes,) = everyones.glob("repo/*/links/cache.db")
    harm = pickle.dumps(Harm())
    with sqlite3.connect(notes) as database:
        database.execute(INSERT, (harm, harm))

    monkeypatch.delenv(dvc_notes.VARIABLE)
    dvc_notes.keep_private()
    assert dvc("checkout").returncode == 0
    assert not Path("harm").exists() and list(place.glob("repo/*/links/cache.db"))
    assert place.stat().st_mode & 0o777 == 0o700
    monkeypatch.setenv(dvc_notes.VARIABLE, str(everyones))
    dvc("checkout")
    assert Path("harm").exists()


@pytest.mark.parametrize("kind", ["open to others", "a link", "a file", "another account's"])
def test_a_folder_that_is_not_private_is_refused(place, tmp_path, monkeypatch, kind):
    if kind == "a link":
        (tmp_path / "elsewhere").mkdir(0o700)
        place.symlink_to(tmp_path / "elsewhere")
    elif kind == "a file":
        place.touch(0o600)
    else:
        place.mkdir()
        place.chmod(0o770 if kind == "open to others" else 0o700)
    if kind == "another account's":
        own = place.rename(tmp_path / f"dvc-{os.getuid() + 1}").stat().st_uid
        monkeypatch.setattr(dvc_notes.os, "getuid", lambda: own + 1)
    with pytest.raises(StudyError, match=r"/dvc-\d+: not a folder of this account alone"):
        dvc_notes.keep_private()
    assert dvc_notes.VARIABLE not in os.environ


def test_a_place_of_the_users_own_stays(monkeypatch, place):
    monkeypatch.setenv(dvc_notes.VARIABLE, "/mine")
    dvc_notes.keep_private()
    assert os.environ[dvc_notes.VARIABLE] == "/mine" and not place.exists()
