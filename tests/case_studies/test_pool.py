"""Many trainings at once: the order of their rows, the time limit, a process that is killed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "case_studies/original"
PROGRAM = """
import os, signal, sys, time
from pathlib import Path
import pool
from loss_study.runtime.errors import run_stage

def make(number):
    print("a training's own words")
    if number == 1:
        # As long as the others together, so that its row comes last.
        while len(Path("rows.csv").read_text().split()) < 4 if Path("rows.csv").exists() else True:
            time.sleep(0.05)
    if number == 9:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"number": number}

if __name__ == "__main__":
    left = [int(one) for one in os.environ["LEFT"].split()]
    run_stage(lambda: pool.train_all(left, make, Path("rows.csv"), [{"number": 0}], ["number"], "Train."))
"""


@pytest.fixture
def run(tmp_path):
    """Run the program in `tmp_path` on the trainings `left`."""
    (tmp_path / "program.py").write_text(PROGRAM)

    def started(left, *options):
        environment = {**os.environ, "PYTHONPATH": f"{FOLDER}:{FOLDER.parents[1] / 'src'}", "LEFT": left}
        command = [sys.executable, "program.py", *options]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    return started


def rows(folder):
    return (folder / "rows.csv").read_text().split()


def test_rows_stand_in_the_order_of_the_trainings_whichever_ends_first(run, tmp_path):
    done = run("1 2 3", "--jobs", "2")
    assert done.returncode == 0, done.stderr
    assert rows(tmp_path) == ["number", "0", "1", "2", "3"]
    assert "1 of 4 trainings are there" in done.stdout
    assert "own words" not in done.stdout


def test_no_training_begins_when_the_time_is_over(run, tmp_path):
    done = run("2", "--minutes", "0")
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "rows.csv").exists()


def test_a_killed_training_ends_the_command_in_one_line_and_keeps_the_rows(run, tmp_path):
    done = run("2 3 9 4", "--jobs", "1")
    assert done.returncode == 1
    assert done.stderr == "error: a training was killed, perhaps for lack of memory; the same command goes on\n"
    assert rows(tmp_path) == ["number", "0", "2", "3"]
