"""A study that is killed ends in the files of an undisturbed one: the short version of the kill test, and its parts."""

import json
import sqlite3
import sys
from contextlib import closing
from dataclasses import asdict

import pytest

from support.chaos import Chaos, Comparison, Kill, contents, summary

KILLS = 3
PAGE = "<p>6 trainings, {} seconds of training time in total.</p>"
PAGE += "<tr><th>dice-0</th><td>0.5</td><td>{}</td>\n <td>{}</td>\n </tr>"


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_a_study_killed_three_times_ends_in_the_same_files(tmp_path):
    chaos = Chaos(tmp_path, ["repro"], seed=0)
    chaos.kill(KILLS)
    print(summary(chaos.done))
    assert [one.wrong for one in chaos.done] == [[]] * KILLS
    assert len(chaos.kills) == KILLS
    # What was done is kept, and not done again.
    again = Chaos(tmp_path, ["repro"], seed=0)
    again.kill(KILLS)
    assert again.done == chaos.done


@pytest.fixture
def study(tmp_path):
    """The files of a study of one trial, as far as they are compared."""
    (tmp_path / "runs/0").mkdir(parents=True)
    (tmp_path / "reports/panels").mkdir(parents=True)
    write(tmp_path, seconds=1)
    return tmp_path


def write(folder, *, seconds, iou=0.5, logged=1):
    (folder / "runs/0/trial.json").write_text(json.dumps({"iou": iou, "tried": [{"seconds": seconds}]}))
    (folder / "runs/0/SHA256SUMS").write_text(f"{seconds} trial.json\n")
    (folder / "runs/0/model.pt").write_bytes(b"weights")
    (folder / "reports/compare.csv").write_text(f"loss,seconds,iou\ndice,{seconds},{iou}\n")
    (folder / "reports/index.html").write_text(PAGE.format(seconds, 9 * seconds, f"{seconds}.0"))
    (folder / "mlflow.db").unlink(missing_ok=True)
    with closing(sqlite3.connect(folder / "mlflow.db")) as database, database:
        database.execute("CREATE TABLE runs (run_uuid, name, status, lifecycle_stage)")
        database.execute("CREATE TABLE params (run_uuid, key, value)")
        for table in ("metrics", "latest_metrics"):
            database.execute(f"CREATE TABLE {table} (run_uuid, key, step, value)")
        for run, name in (("r", "mask-dice-0"), ("s", "study of scenes")):
            database.execute("INSERT INTO runs VALUES (?, ?, 'FINISHED', 'active')", (run, name))
            for table, count in (("metrics", logged), ("latest_metrics", 1)):
                for key, value in [("iou", iou), ("seconds", seconds)] * count:
                    database.execute(f"INSERT INTO {table} VALUES (?, ?, 0, ?)", (run, key, value))


def different(folder, before):
    after = contents(folder)
    return {name for name in after | before if after.get(name) != before.get(name)}


def test_studies_that_differ_in_times_are_the_same(study):
    before = contents(study)
    assert {"runs/0/model.pt", "reports/index.html", "MLflow: mask-dice-0"} < set(before)
    write(study, seconds=2)
    assert different(study, before) == set()


def test_every_other_number_byte_and_file_is_compared(study):
    before = contents(study)
    write(study, seconds=1, iou=0.5000001)
    changed = {"runs/0/trial.json", "reports/compare.csv", "MLflow: mask-dice-0", "MLflow: study of scenes"}
    assert different(study, before) == changed
    write(study, seconds=1)
    page = study / "reports/index.html"
    for old, new, name in (("0.5", "0.6", "index.html"), ("6 trainings", "5 trainings", "index.html")):
        page.write_text(page.read_text().replace(old, new))
        assert different(study, before) == {f"reports/{name}"}
        write(study, seconds=1)
    (study / "runs/0/model.pt").write_bytes(b"weighty")
    (study / "reports/panels/left.png").touch()
    assert different(study, before) == {"runs/0/model.pt", "reports/panels/left.png"}


def test_a_metric_that_a_trial_logged_twice_is_found(study):
    before = contents(study)
    write(study, seconds=1, logged=2)
    # That of the whole study is renewed after each round.
    assert different(study, before) == {"MLflow: mask-dice-0"}


def test_the_last_line_says_what_was_killed_compared_and_identical():
    kills = [
        Kill("study", "make", "SIGKILL", ("compare", "train --round 2"), writing=False),
        Kill("repro", "a stage", "SIGTERM", (), writing=True),
        Kill("repro", "a stage", "SIGKILL", ("train",), writing=False),
    ]
    done = [Comparison([one], seconds=1.5) for one in kills]
    assert [Comparison.parse(json.dumps(asdict(one))) for one in done] == done
    assert summary(done) == (
        "3 kills (repro 2, study 1) of 2 kinds of process at 3 different moments, 1 while writing: 0 survivors, "
        "0 half-written files, 0 failed restarts; 3 reports compared, 3 identical"
    )
    done[0].different, done[1].survivors, done[2].failed = ["reports/index.html"], ["dvc"], ["exit code 1"]
    assert summary(done).endswith(
        "1 survivors, 0 half-written files, 1 failed restarts; 2 reports compared, 1 identical"
    )
    assert [one.wrong for one in done] == [
        ["different: reports/index.html"], ["outlived by: dvc"], ["failed: exit code 1"]
    ]  # fmt: skip
