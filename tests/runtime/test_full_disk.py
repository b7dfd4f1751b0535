"""A disk that is really full, at each point of a study, or read-only: one line, and nothing half-written."""

import errno
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from loss_study import cli
from loss_study.config import composition
from loss_study.report.renew import renew
from loss_study.runtime.errors import StudyError, _one_line
from loss_study.runtime.files import temporary_folder, whole_folder, write_json
from loss_study.sampling.pack import pack
from loss_study.tracking import mirror
from loss_study.training.checkpoint import Checkpoint, save_atomically
from support import outside
from support.clone import ROOT
from support.grid import Grid, dataset, sample_config
from tracking.test_tracking import DICE, make_study


@pytest.fixture
def disk(tmp_path, monkeypatch):
    """A file system of 8 MB, which is the working directory; `fill` leaves so many bytes of it."""
    outside.leave(monkeypatch)
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"no file system can be mounted here: {error}")
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    monkeypatch.chdir(place)
    yield place
    monkeypatch.undo()
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(leave=0):
    free = os.statvfs(".").f_bavail * os.statvfs(".").f_frsize
    Path("filler").write_bytes(bytes(max(0, free - leave)))


def files():
    return {path: path.read_bytes() for path in Path().rglob("*") if path.is_file() and path.name != "filler"}


def said(work):
    """Return the line that a stage shows of what `work` raises."""
    before = files()
    with pytest.raises(Exception) as caught:
        work()
    assert files() == before
    return _one_line(caught.value)


def test_sampling(disk):
    fill(100_000)
    line = said(lambda: pack(Grid(), Path("sample"), dataset(), sample_config()))
    assert line.startswith(f"{disk}: the packed sample") and "make room there" in line


def test_a_checkpoint_is_left_out_and_training_goes_on(disk, capsys):
    with Checkpoint("mask-dice-0", "key") as checkpoint:
        checkpoint.save_now({"epoch": 1})
        fill()
        checkpoint.save_now({"epoch": 2, "noise": np.random.default_rng(0).random(100_000).tolist()})
        assert checkpoint.load() == {"epoch": 1}
    warning = capsys.readouterr().err
    assert "No space left on device; training goes on" in warning and warning.count("\n") == 1


@pytest.mark.parametrize("kind", ["model", "array", "table"])
def test_a_result(disk, kind):
    values = np.zeros(100_000)

    def write():
        with whole_folder(Path("runs")) as new:
            if kind == "model":
                save_atomically({"state": values.tolist()}, new / "model.pt")
            elif kind == "array":
                np.save(new / "predictions.npy", values)
            else:
                write_json(new / "metrics.json", values.tolist())

    fill(20_000)
    assert said(write).endswith("the disk is full; free some space and run the same command again")


def test_the_report(disk):
    study = make_study(disk)
    renew(study)
    fill(20_000)
    assert said(lambda: renew(study)).endswith("the disk is full; free some space and run the same command again")


def model_too_large(folder):
    torch.save(torch.zeros(1 << 16), folder / "model.pt")


def image_too_large(folder):
    noise = np.random.default_rng(0).integers(0, 256, (512, 512), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "panels.png")


@pytest.mark.parametrize("work", [model_too_large, image_too_large])
def test_temporary_files(disk, monkeypatch, work):
    monkeypatch.setattr(tempfile, "tempdir", str(disk))
    fill(leave=128 * 1024)

    def write():
        with temporary_folder() as folder:
            work(folder)

    assert said(write) == f"{disk}: the disk is full; free some space and run the same command again"
    Path("filler").unlink()
    write()
    assert files() == {}


def test_another_error_where_there_is_space_stays_what_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(ZeroDivisionError), temporary_folder():
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [["run"], ["repair"], ["compose", "scale=smoke"]])
def test_a_folder_that_is_read_only(disk, words):
    (disk / "conf").symlink_to(ROOT / "conf")
    Path(".dvc").mkdir()
    Path("dvc.yaml").touch()
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    arguments = cli.parse(words)
    line = said(lambda: arguments.main(arguments))
    assert line.endswith(": Read-only file system; it takes a folder that you may write to")


def test_a_folder_of_another_account(tmp_path, monkeypatch):
    """Which the tests cannot enter as root; the error is that of ``open``."""
    monkeypatch.chdir(tmp_path)
    refused = PermissionError(errno.EACCES, os.strerror(errno.EACCES), ".new.params.yaml")
    monkeypatch.setattr(composition, "compose_and_dump", lambda *_: (_ for _ in ()).throw(refused))
    arguments = cli.parse(["compose", "scale=smoke"])
    line = said(lambda: arguments.main(arguments))
    assert line == ".new.params.yaml: Permission denied; it takes a folder that you may write to"


def test_the_database_of_mlflow(disk, empty_store):
    study = make_study(disk)
    shutil.copy(empty_store, "mlflow.db")
    fill()
    with pytest.raises(
        StudyError, match=r"^MLflow at sqlite:.*No space left.*'dvc repro -f -s compare' completes its runs$"
    ):
        mirror.fill_in([DICE], study)
    Path("filler").unlink()
    assert mirror.fill_in([DICE], study).created == [DICE.name]


@pytest.mark.long
def test_a_database_that_was_begun_on_a_full_disk_is_made_again(disk):
    study = make_study(disk)
    fill(100_000)
    with pytest.raises(StudyError, match=r"^MLflow at sqlite:.* full"):
        mirror.fill_in([DICE], study)
    assert not Path("mlflow.db").exists()
    Path("filler").unlink()
    code = "from loss_study.tracking import store; print(store.connect().experiment)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr
