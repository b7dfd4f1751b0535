"""What a killed DVC leaves half-written: DVC itself must be able to read what is left afterwards."""

import json
import os
import shutil
import subprocess
import sys

import pytest
import yaml

from loss_study.orchestration.repair import LOCK_FILES, repair

LOCKS = ".dvc/tmp/rwlock"
LOCK_FILE, LATER = LOCK_FILES
STAGE = {"cmd": "echo", "deps": [{"path": "a", "hash": "md5", "md5": "0" * 32, "size": 12}]}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".dvc" / "tmp").mkdir(parents=True)
    (tmp_path / "rounds").mkdir()
    return tmp_path


def test_a_dvc_lock_cut_anywhere_can_be_read_or_is_removed(here):
    whole = yaml.safe_dump({"schema": "2.0", "stages": {f"train@{n}": STAGE for n in range(3)}}, sort_keys=False)
    removed = []
    for end in range(len(whole)):
        LOCK_FILE.write_text(whole[:end])
        said = repair()
        assert bool(said) is not LOCK_FILE.exists()
        removed += [end] if said else []
    assert len(whole) // 4 < len(removed) < len(whole) // 1.2
    LOCK_FILE.write_text(whole)
    assert repair() == [] and LOCK_FILE.read_text() == whole


def test_the_lock_of_the_later_rounds_is_looked_at_too(here):
    LATER.write_text("stages: {")
    assert repair() == ["rounds/dvc.lock was half-written and is removed; DVC takes the results from its cache"]
    assert repair() == [] and not LATER.exists()


def test_dvc_goes_on_after_being_cut_off_in_its_own_files(here):
    """Real DVC, whose results come back from its cache and are not made again."""

    from dvc.cli import main as dvc

    shutil.rmtree(here / ".dvc")
    dvc(["init", "--no-scm", "--quiet"])
    stages = {"a": {"cmd": "date +%N > b", "deps": ["input"], "outs": ["b"]}}
    stages["c"] = {"cmd": "cp b d", "deps": ["b"], "outs": ["d"]}
    (here / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    (here / "input").touch()
    assert dvc(["repro", "--quiet"]) == 0
    made, whole = (here / "b").read_text(), LOCK_FILE.read_text()
    for results, locks in ((whole[: whole.index("outs:") + 5], "{}"), (whole, "")):
        LOCK_FILE.write_text(results)
        (here / LOCKS).write_text(locks)
        assert dvc(["repro", "--quiet", "--force", "c"]) != 0
        assert len(repair()) == 1
        assert dvc(["repro", "--quiet", "c"]) == 0
        assert (here / "d").read_text() == made


def test_half_a_table_of_locks_is_removed(here):
    for text in ("", "{", '{"write": ', '{"write": {"a": 3}}', "[]", '{"read": {"a": [{}]}}'):
        (here / LOCKS).write_text(text)
        assert repair() == [f"{LOCKS} was half-written and is removed"]
        assert not (here / LOCKS).exists()


def test_locks_of_what_is_no_dvc_any_more_are_released_and_those_of_a_dvc_are_kept(here):
    dvc = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "dvc", "repro"])
    try:
        mine, its, gone = ({"pid": pid, "cmd": "dvc repro"} for pid in (os.getpid(), dvc.pid, 2**22 + 1))
        (here / LOCKS).write_text(
            json.dumps({"write": {"a": mine, "b": its, "c": gone}, "read": {"d": [mine, its], "e": [gone]}})
        )
        assert repair() == [f"{LOCKS} named processes that have ended; their locks are released"]
        assert json.loads((here / LOCKS).read_text()) == {"write": {"b": its}, "read": {"d": [its]}}
        assert repair() == []
    finally:
        dvc.kill()
        dvc.wait()
    assert len(repair()) == 1
    assert json.loads((here / LOCKS).read_text()) == {}


def test_a_dvc_that_nobody_has_waited_for_is_none_any_more(here):
    dvc = subprocess.Popen([sys.executable, "-c", "", "dvc", "repro"])
    os.waitid(os.P_PID, dvc.pid, os.WEXITED | os.WNOWAIT)
    (here / LOCKS).write_text(json.dumps({"write": {"a": {"pid": dvc.pid, "cmd": "dvc repro"}}, "read": {}}))
    assert len(repair()) == 1
    dvc.wait()


def test_a_program_that_works_on_dvc_yaml_is_no_dvc(here):
    words = ["-c", "import time; time.sleep(60)", "dvc.yaml", "tests/test_dvc_notes.py"]
    editor = subprocess.Popen([sys.executable, *words])
    try:
        (here / LOCKS).write_text(json.dumps({"write": {"a": {"pid": editor.pid, "cmd": "dvc repro"}}, "read": {}}))
        assert len(repair()) == 1
    finally:
        editor.kill()
        editor.wait()


def test_what_a_running_dvc_holds_is_left_alone(here):
    code = """
import sys, zc.lockfile
held = [zc.lockfile.LockFile(".dvc/tmp/" + name) for name in ("lock", "rwlock.lock")]
print("held", flush=True)
sys.stdin.read()
"""
    LOCK_FILE.write_text("stages:")
    (here / LOCKS).write_text("{")
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as dvc:
        assert dvc.stdout.readline() == b"held\n"
        assert repair() == []
        dvc.stdin.close()
    assert len(repair()) == 2


def test_nothing_to_mend_where_dvc_has_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert repair() == []
