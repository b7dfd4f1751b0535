"""The kill test: a small study, killed again and again, ends in the reports of an undisturbed one.

``PYTHONPATH=tests python -m support.chaos --kills 20`` kills at random moments, and in the middle of writing files:
the whole process group, or one process alone, of each kind that there is in turn (see `KINDS`), with SIGKILL or
SIGTERM. Then it types the same command again. Its last line says how many kills of each kind and how many starts there
were, and whether the reports are identical; where they are not, it fails.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
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
ALL, WORKER = "all", "a worker of a stage"
#: In the name of the shell in which DVC runs stages; unlike dash and bash, it stays there while its command runs.
SHELL = "staying-shell"
#: Whether a process is of a kind, by the words of its command line; the first kind that fits is the one.
KINDS: dict[str, Callable[[list[str]], bool]] = {
    WORKER: lambda words: "--multiprocessing-fork" in words,
    "a shell": lambda words: any(word.endswith(SHELL) for word in words),
    "a stage": lambda words: any(word.startswith("stages/") for word in words),
    "loss-study run": lambda words: any(word.endswith("/loss-study") for word in words),
    "a DVC": lambda words: any(word == "dvc" or word.endswith("/dvc") for word in words),
    "make": lambda words: words[0] == "make",
}
#: The kinds that a command has.
VICTIMS = {
    "repro": (ALL, "a DVC", "a shell", "a stage", WORKER),
    "study": (ALL, "make", "loss-study run", "a DVC", "a shell", "a stage", WORKER),
}
#: From when on `sample` has worker processes, in the clone: for so few images it would have none.
POOL = ("src/loss_study/sampling/worker_pool.py", r"(?m)^(SECONDS_WORTH_A_POOL) = .*$", r"\1 = 0.0")
#: In the environment of whatever the command starts.
MARK = "LOSS_STUDY_CHAOS"
#: A process has this long to end after its parent was killed.
SECONDS_TO_END = 20.0
#: What `train` leaves in the folder of a trial.
WHOLE_RUN = {"model.pt", "history.csv", "trial.json"}


@dataclass
class Tally:
    """What has been done to the study, and what was wrong afterwards."""

    kinds: Counter[str] = field(default_factory=Counter)
    starts: int = 0
    compared: int = 0
    while_writing: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def kills(self) -> int:
        return self.kinds.total()

    def __str__(self) -> str:
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(self.kinds.items()))
        identical = "not identical: " + "; ".join(self.wrong) if self.wrong else f"identical {self.compared} times"
        kills = f"{self.kills} kills ({kinds}; {self.while_writing} while writing)"
        return f"{kills}, {self.starts} starts, reports {identical}"


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


def _kind(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        if words := process.cmdline():
            return next((kind for kind, fits in KINDS.items() if fits(words)), "")
    return ""


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
        file, before, after = POOL
        (folder / file).write_text(re.sub(before, after, (folder / file).read_text()))
        self.clone.commit("a small study")
        self.command, self.victims, self.random = COMMANDS[command], VICTIMS[command], random.Random(seed)
        shell = folder.with_name(SHELL)
        shell.write_text('#!/bin/sh\nsh -c "$2"\nexit $?\n')
        shell.chmod(0o755)
        self.environment = self.clone.environment | {MARK: str(folder), "SHELL": str(shell)}
        self.tally = Tally()
        began = time.monotonic()
        self.clone.run(*self.command)
        self.seconds = time.monotonic() - began
        self.undisturbed = reports(folder / "reports")
        self.runs = self._mlflow_runs()

    def kill(self, kills: int) -> None:
        """Kill so many times, as many of each kind, in rounds that each begin from nothing."""
        victims = [self.victims[number % len(self.victims)] for number in range(kills)]
        self.random.shuffle(victims)
        while victims:
            self._round(victims)

    def _round(self, victims: list[str]) -> None:
        """Run the study from nothing, killing it until it has ended or no victims are left; compare what it ends in."""
        for name in MADE:
            path = self.clone.folder / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        shutil.rmtree(self.clone.folder / "reports")
        self.clone.run("git", "checkout", "--quiet", "--", ".")
        while victims and self._killed(victims):
            pass
        self._compare()

    def _killed(self, victims: list[str]) -> bool:
        """Start the command and kill it or one of its processes; False if it came to its end first."""
        # Only `sample` has workers.
        sampled = (self.clone.folder / "data/sample").exists()
        possible = [one for one in victims if (one == WORKER) != sampled] or [one for one in victims if one != WORKER]
        if not possible:
            return False
        victim, began = possible[0], time.monotonic()
        with tempfile.TemporaryFile("w+") as output:
            process = subprocess.Popen(
                self.command,
                cwd=self.clone.folder,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self.tally.starts += 1
            writing = victim != WORKER and self.random.random() < 0.5
            hit = self._wait(process, victim, writing)
            how = self._kill(process, victim, hit) if hit else "ended"
            output.seek(0)
            said = output.read()
        if not hit:
            if process.returncode:
                self._wrong(f"exit code {process.returncode}: {said[-600:]}")
            return False
        victims.remove(victim)
        self.tally.kinds[victim] += 1
        self.tally.while_writing += writing
        stages = [line.split("'")[1] for line in said.splitlines() if line.startswith("Running stage")]
        place = f"{stages[-1] if stages else 'the beginning'}{', while it wrote' if writing else ''}"
        print(f"{self.tally.kills:3d}  {how} in {place}, {time.monotonic() - began:.0f} s", flush=True)
        self._check_whole()
        return True

    def _wait(self, process: subprocess.Popen, victim: str, writing: bool) -> list[psutil.Process]:
        """Wait for a random moment, or for the first half-written file behind one, and for a process of the kind.

        Returns:
            The processes to be killed; none if the command ended first.
        """
        moment = time.monotonic() + (0 if victim == WORKER else self.random.uniform(0, self.seconds / 2))
        left_before = self._half_written()
        while process.poll() is None:
            now = time.monotonic() >= moment and (not writing or self._half_written() - left_before)
            if now and (hit := self._of_kind(process, victim)):
                return hit
            time.sleep(0.001 if writing else 0.05)
        return []

    def _of_kind(self, process: subprocess.Popen, victim: str) -> list[psutil.Process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            command = psutil.Process(process.pid)
            if victim == ALL:
                return [command]
            return [one for one in (command, *command.children(recursive=True)) if _kind(one) == victim]
        return []

    def _half_written(self) -> set[Path]:
        """Return the temporary names of `loss_study.runtime.files` and of checkpoints that are there at this moment."""
        places = [self.clone.folder / name for name in (*MADE[:6], "reports")]
        # A walk overlooks what vanishes under it.
        walked = [step for place in places for step in os.walk(place)]
        entries = {Path(root, name) for root, folders, files in walked for name in (*folders, *files)}
        return {path for path in entries if path.name.startswith(".") and path.name.endswith("new")}

    def _kill(self, process: subprocess.Popen, victim: str, hit: list[psutil.Process]) -> str:
        """Kill the whole group or one process of those that are `hit`, see that nothing is left, and say how."""
        number = self.random.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM])
        if victim == ALL:
            os.killpg(process.pid, number)
        else:
            with contextlib.suppress(psutil.NoSuchProcess):
                self.random.choice(hit).send_signal(number)
        how = f"{number.name} to {victim}"
        # A command that lost one of its processes finishes what it can.
        process.wait()
        deadline = time.monotonic() + SECONDS_TO_END
        while (left := self._survivors()) and time.monotonic() < deadline:
            time.sleep(0.1)
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
        self.tally.compared += 1
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
    parser.add_argument("choices", nargs="*", help="what the study is beside SMALL, such as 'loss.heads=[mask]'")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        chaos = Chaos(Path(folder) / "clone", arguments.command, arguments.seed, arguments.choices)
        print(f"undisturbed: {chaos.seconds:.0f} s", flush=True)
        chaos.kill(arguments.kills)
    print(chaos.tally)
    sys.exit(bool(chaos.tally.wrong))


if __name__ == "__main__":
    main()
