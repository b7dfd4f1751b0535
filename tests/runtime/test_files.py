"""Files and folders appear whole or not at all."""

import errno
import json
import math
import os

import pytest

from loss_study.runtime.files import whole_folder, whole_text, write_bytes, write_csv, write_json


def test_folder_replaces_the_old_one(tmp_path):
    target = tmp_path / "out"
    target.mkdir()
    (target / "old").touch()
    with whole_folder(target) as folder:
        (folder / "new").touch()
        assert (target / "old").exists()
    assert {path.name for path in target.iterdir()} == {"new", "SHA256SUMS"}
    assert list(tmp_path.iterdir()) == [target]


def test_folder_stays_on_an_error(tmp_path):
    target = tmp_path / "out"
    target.mkdir()
    (target / "old").touch()
    with pytest.raises(KeyboardInterrupt), whole_folder(target) as folder:
        (folder / "half").touch()
        raise KeyboardInterrupt
    assert [path.name for path in target.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [target]


def test_an_interrupt_while_the_old_folder_is_removed_leaves_no_half_of_it(tmp_path, monkeypatch):
    target = tmp_path / "out"
    target.mkdir()
    (target / "a").touch()
    (target / "b").touch()

    def interrupted(*words, unlink=os.unlink, **options):
        unlink(*words, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "unlink", interrupted)
    with pytest.raises(KeyboardInterrupt), whole_folder(target, listed=False) as folder:
        (folder / "c").mkdir()
    assert [path.name for path in target.iterdir()] == ["c"]
    monkeypatch.undo()
    with whole_folder(target, listed=False) as folder:
        (folder / "d").mkdir()
    assert list(tmp_path.iterdir()) == [target] and [path.name for path in target.iterdir()] == ["d"]


def test_what_an_earlier_crash_left_is_cleared(tmp_path):
    (tmp_path / ".out.new").mkdir()
    (tmp_path / ".out.new" / "half").touch()
    with whole_folder(tmp_path / "out") as folder:
        assert list(folder.iterdir()) == []


@pytest.mark.parametrize(("umask", "file_mode", "folder_mode"), [(0o002, 0o664, 0o775), (0o022, 0o644, 0o755)])
def test_who_may_write_a_result_is_what_the_umask_says(tmp_path, umask, file_mode, folder_mode):
    before = os.umask(umask)
    try:
        with whole_folder(tmp_path / "out") as folder:
            write_json(folder / "a.json", 1)
    finally:
        os.umask(before)
    modes = [path.stat().st_mode & 0o777 for path in (tmp_path / "out", *sorted((tmp_path / "out").iterdir()))]
    assert modes == [folder_mode, file_mode, file_mode]


def test_json_has_no_nan(tmp_path):
    write_json(tmp_path / "a.json", {"a": [1.5, math.nan, {"b": -math.inf}], "c": "é"})
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"a": [1.5, None, {"b": None}], "c": "é"} and text.endswith("}\n") and "é" in text


def test_csv_without_rows_has_its_header(tmp_path):
    write_csv(tmp_path / "a.csv", [], ("x", "y"))
    assert (tmp_path / "a.csv").read_text() == "x,y\n"


def test_text_replaces(tmp_path):
    whole_text(tmp_path / "a", "one")
    whole_text(tmp_path / "a", "two")
    assert (tmp_path / "a").read_text() == "two" and len(list(tmp_path.iterdir())) == 1


def test_bytes_replace_and_reach_the_disk_where_they_should(tmp_path, monkeypatch):
    forced = []
    monkeypatch.setattr("loss_study.runtime.files.os.fsync", forced.append)
    write_bytes(tmp_path / "a", b"one")
    assert not forced
    write_bytes(tmp_path / "a", memoryview(b"two"), durable=True)
    assert len(forced) == 1 and (tmp_path / "a").read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    write_bytes(tmp_path / "a", b"old")
    monkeypatch.setattr("loss_study.runtime.files.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_bytes(tmp_path / "a", b"new", durable=True)
    assert (tmp_path / "a").read_bytes() == b"old" and list(tmp_path.iterdir()) == [tmp_path / "a"]


def test_csv_quotes_and_keeps_every_digit(tmp_path):
    write_csv(tmp_path / "a.csv", [{"x": 0.1 + 0.2, "y": 'a,"b"'}], ("x", "y"))
    assert (tmp_path / "a.csv").read_bytes() == b'x,y\n0.30000000000000004,"a,""b"""\n'
