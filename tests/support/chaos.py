"""The kill test: a small study, killed again and again, ends in the reports of an undisturbed one.

``PYTHONPATH=tests python -m support.chaos --kills 20`` kills at random moments, and in the middle of writing files:
the whole process group or one process alone (the started command, a DVC, or a stage), with SIGKILL or SIGTERM. Then it
types the same command again. Its last line says how many kills and starts there were, and whether the reports are
identical; where they are not, it fails.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from loss_study.config import composition
from support.clone import Clone

COMMANDS = {
    "repro": ["dvc", "repro"],
    # As `make study`, but for the installation.
    "study": ["make", "--old-file", ".venv/study", "study", "JOBS=2"],
}
SMALL = ["scale=smoke", "loss.names=[bce,dice]", "seeds=[0,1,2]", "race.rounds=[2,3]", "recipe.epochs=4"]
#: What DVC keeps for later runs, and what the stages make: without these, a study begins from nothing.
MADE = ["data", "parents", "tuning", "decisions", "runs", "eval", "checkpoints", ".dvc/cache"]
MADE += ["mlflow.db", "mlartifacts", "dvc.lock", "rounds/dvc.lock"]
#: Columns that say how long something took, which no two runs share.
TIMES = frozenset({"seconds", "images_per_second"})
#: What is in the command line of a process of a kind.
KINDS = {"a DVC": "dvc --wait-for-lock", "a stage": "stages/"}
#: In the environment of whatever the command starts.
MARK = "LOSS_STUDY_CHAOS"
#: A process has this long to end after its parent was killed.
SECONDS_TO_END = 20.0
#: What `train` leaves in the folder of a trial.
WHOLE_RUN = {"model.pt", "history.csv", "trial.json"}


@dataclass
class Tally:
    """What has been done to the study, and what was wrong afterwards."""

    kills: int = 0
    starts: int = 0
    while_writing: int = 0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        identical = "not identical: " + "; ".join(self.wrong) if self.wrong else "identical"
        return f"{self.kills} kills ({self.while_writing} while writing), {self.starts} starts, reports {identical}"


def reports(folder: Path) -> dict[str, object]:
    """Return what the reports in `folder` say, without times."""
    tables = {}
    for name in ("compare.csv", "answer.csv", "rounds.csv", "pairs.csv", "curves.csv"):
        with (folder / name).open(newline="") as file:
            tables[name] = [{key: row[key] for key in row if key not in TIMES} for row in csv.DictReader(file)]
    panels = {path.name: path.read_bytes() for path in sorted((folder / "panels").iterdir())}
    return tables | {"metrics.json": _timeless(json.loads((folder / "metrics.json").read_text())), "panels": panels}


def _timeless(value: object) -> object:
    if isinstance(value, dict):
        return {key: _timeless(item) for key, item in value.items() if key not in TIMES}
    return value


def _is(kind: str, process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return KINDS[kind] in " ".join(process.cmdline())
    return False


class Chaos:
    """A study in a clone, its reports where nothing disturbs it, and what is left to be done to it.

    Args:
        command: what is typed, a name in `COMMANDS`.
        seed: decides moments, victims and signals; when a moment comes, the machine decides what it hits.
        choices: what the study is beside `SMALL`, in Hydra's grammar.
    """

    def __init__(self, folder: Path, command: str, seed: int, choices: Sequence[str] = ()) -> None:
        self.clone = Clone(folder)
        composition.compose(folder / "params.yaml", [*SMALL, *choices])
        self.clone.commit("a small study")
        self.command, self.random = COMMANDS[command], random.Random(seed)
        self.tally = Tally()
        began = time.monotonic()
        self.clone.run(*self.command)
        self.seconds = time.monotonic() - began
        self.undisturbed = reports(folder / "reports")
        self.runs = self._mlflow_runs()

    def round(self, kills: int) -> None:
        """Run the study from nothing, killing it at most `kills` times, and look at what it ends in."""
        for name in MADE:
            path = self.clone.folder / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        shutil.rmtree(self.clone.folder / "reports")
        self.clone.run("git", "checkout", "--quiet", "--", ".")
        while kills and self._killed():
            kills -= 1
        self._compare()

    def _killed(self) -> bool:
        """Start the command and kill it; False if it came to its end first."""
        with tempfile.TemporaryFile("w+") as output:
            process = subprocess.Popen(
                self.command,
                cwd=self.clone.folder,
                env=self.clone.environment | {MARK: str(self.clone.folder)},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self.tally.starts += 1
            writing = self.random.random() < 0.5
            ended = self._wait(process, writing)
            how = "ended" if ended else self._kill(process)
            output.seek(0)
            said = output.read()
        if ended:
            if process.returncode:
                self._wrong(f"exit code {process.returncode}: {said[-600:]}")
            return False
        self.tally.kills += 1
        stages = [line.split("'")[1] for line in said.splitlines() if line.startswith("Running stage")]
        writing_too = ", while it wrote" if writing else ""
        print(f"{self.tally.kills:3d}  {how} in {stages[-1] if stages else 'the beginning'}{writing_too}", flush=True)
        self._check_whole()
        return True

    def _wait(self, process: subprocess.Popen, writing: bool) -> bool:
        """Wait for a random moment, or for the first half-written file behind one; True if the process ended first."""
        moment = time.monotonic() + self.random.uniform(0, self.seconds / 2)
        left_before = self._half_written()
        while process.poll() is None:
            if time.monotonic() >= moment and (not writing or self._half_written() - left_before):
                self.tally.while_writing += writing
                return False
            time.sleep(0.001 if writing else 0.02)
        return True

    def _half_written(self) -> set[Path]:
        """Return the temporary names of `loss_study.runtime.files` and of checkpoints that are there at this moment."""
        places = [self.clone.folder / name for name in (*MADE[:6], "reports")]
        # A walk overlooks what vanishes under it.
        walked = [step for place in places for step in os.walk(place)]
        entries = {Path(root, name) for root, folders, files in walked for name in (*folders, *files)}
        return {path for path in entries if path.name.startswith(".") and path.name.endswith("new")}

    def _kill(self, process: subprocess.Popen) -> str:
        """Kill the whole group or one process of it, see that nothing is left, and say how."""
        number = self.random.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM])
        victim = self.random.choice(["all", "the command", "a DVC", "a stage"])
        if victim == "all":
            os.killpg(process.pid, number)
        else:
            of_kind = [one for one in self._survivors() if _is(victim, one)] if victim in KINDS else []
            one = self.random.choice(of_kind) if of_kind else psutil.Process(process.pid)
            victim = victim if of_kind else "the command"
            with contextlib.suppress(psutil.NoSuchProcess):
                one.send_signal(number)
        how = f"{number.name} to {victim}"
        # A command that lost one of its processes finishes what it can.
        process.wait()
        deadline = time.monotonic() + SECONDS_TO_END
        while (left := self._survivors()) and time.monotonic() < deadline:
            time.sleep(0.02)
        if left:
            self._wrong(f"{how} was outlived by {[' '.join(one.cmdline()) for one in left]}")
            for survivor in left:
                survivor.kill()
        return how

    def _survivors(self) -> list[psutil.Process]:
        """Return what is left of the command, whatever group or session it has gone to."""
        left = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get(MARK) == str(self.clone.folder):
                    left.append(process)
        return left

    def _check_whole(self) -> None:
        for run in self.clone.folder.glob("runs/*/*/*/[0-9]*"):
            if not {file.name for file in run.iterdir()} >= WHOLE_RUN:
                self._wrong(f"half-written {run.relative_to(self.clone.folder)}")

    def _compare(self) -> None:
        self.clone.run(*self.command)
        self.tally.starts += 1
        found = reports(self.clone.folder / "reports")
        for name in found:
            if found[name] != self.undisturbed[name]:
                self._wrong(f"other {name}")
        if (runs := self._mlflow_runs()) != self.runs:
            self._wrong(f"{runs} runs in MLflow instead of {self.runs}")

    def _mlflow_runs(self) -> int:
        with contextlib.closing(sqlite3.connect(self.clone.folder / "mlflow.db")) as database:
            return database.execute("SELECT count(*) FROM runs WHERE lifecycle_stage = 'active'").fetchone()[0]

    def _wrong(self, what: str) -> None:
        print(f"wrong: {what}", flush=True)
        self.tally.wrong.append(what)


def main() -> None:
    """Kill as often as the command line says, and exit with 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the moments and the victims")
    parser.add_argument("--command", choices=COMMANDS, default="repro", help="what is killed and typed again")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        chaos = Chaos(Path(folder) / "clone", arguments.command, arguments.seed)
        print(f"undisturbed: {chaos.seconds:.0f} s", flush=True)
        while (left := arguments.kills - chaos.tally.kills) > 0:
            chaos.round(left)
    print(chaos.tally)
    sys.exit(bool(chaos.tally.wrong))


if __name__ == "__main__":
    main()
