"""The kill test: a small study is killed, started again and compared with an undisturbed one, again and again.

``PYTHONPATH=tests python -m support.chaos --kills 40`` kills `dvc repro` and `make study` at random moments, half the
time in the middle of writing a file: the whole process group, or one process alone, of each kind that they have in turn
(see `VICTIMS`), with SIGKILL or SIGTERM. It looks for processes that outlive the kill and for half-written results.
Then it types the same command again, and compares what that ends in with the undisturbed study: all files of the
reports, the trials, the evaluations and the packed sample byte for byte but for times (see `contents`), and all that
MLflow has.

A study begins from nothing, or, where the moment is a later one, from a copy of the undisturbed study in which
`dvc repro` had come to the last of `STARTS` before it.

With ``--folder`` it keeps the clone and a line for each comparison in ``kills.jsonl``; stopped, it goes on from there.
Its last line says what was done and seen; where anything was wrong, it fails, and the folder keeps what was found.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import hashlib
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
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

from loss_study.config import composition
from support.clone import Clone

COMMANDS = {
    "repro": ["dvc", "repro"],
    # As `make study`, but for the installation.
    "study": ["make", "--old-file", ".venv/study", "study", "JOBS=2", "MINUTES=0"],
}
SMALL = ["scale=smoke", "loss.names=[bce,dice]", "loss.heads=[mask]", "seeds=[0,1,2]", "race.rounds=[2,3]"]
SMALL += ["recipe.epochs=2", "sample.images=40", "sample.validation_images=8", "sample.test_images=8"]
#: What the stages make and the comparison reads.
COMPARED = ["data/sample", "parents", "tuning", "decisions", "runs", "eval", "reports"]
#: Stages after which a copy is kept, in their order; the first copy is of a study that has not begun.
NOTHING, STARTS, END = "nothing", ("sample", "evaluate"), "end"
#: Columns and keys that say how long something took, which no two runs share.
TIMES = frozenset({"seconds", "images_per_second"})
#: The same on the page: the sum in a sentence, and the last two cells of the table of trials.
TIMES_ON_PAGE = re.compile(r"\d+ (?:seconds?|minutes) of training time|(?:<td[^>]*>[\d.]+</td>\s*){2}(?=</tr>)")
ALL, WORKER, TRACKER = "all", "a worker of a stage", "the resource tracker of a stage"
#: In the name of the shell in which DVC runs stages; unlike dash and bash, it stays there while its command runs.
SHELL = "staying-shell"
#: Whether a process is of a kind, by the words of its command line; the first kind that fits is the one.
KINDS: dict[str, Callable[[list[str]], bool]] = {
    WORKER: lambda words: "--multiprocessing-fork" in words,
    TRACKER: lambda words: any("multiprocessing.resource_tracker" in word for word in words),
    "a shell": lambda words: any(word.endswith(SHELL) for word in words),
    "a stage": lambda words: any(word.startswith("stages/") for word in words),
    "loss-study run": lambda words: any(word.endswith("/loss-study") for word in words),
    "a DVC": lambda words: any(word == "dvc" or word.endswith("/dvc") for word in words),
    "make": lambda words: words[0] == "make",
}
#: The kinds that a command has.
VICTIMS = {
    "repro": (ALL, "a DVC", "a shell", "a stage", TRACKER, WORKER),
    "study": (ALL, "make", "loss-study run", "a DVC", "a shell", "a stage", TRACKER, WORKER),
}
#: Only the pool of `sample` has these.
OF_THE_POOL = (TRACKER, WORKER)
#: From when on `sample` has worker processes, in the clone: for so few images it would have none.
POOL = ("src/loss_study/sampling/worker_pool.py", r"(?m)^(SECONDS_WORTH_A_POOL) = .*$", r"\1 = 0.0")
#: In the environment of whatever the command starts.
MARK = "LOSS_STUDY_CHAOS"
#: A process has this long to end after its parent was killed.
SECONDS_TO_END = 20.0
#: What `train` leaves in the folder of a trial.
WHOLE_RUN = {"model.pt", "history.csv", "trial.json"}


@dataclass(frozen=True)
class Kill:
    """One kill: of which kind of process of which command, how, and in which moment.

    `stages` are the scripts that ran at that moment, such as ``train --round 2``; `writing`: while a file was written;
    `begun`: after which of `STARTS` the study began.
    """

    command: str
    victim: str
    signal: str
    stages: tuple[str, ...]
    writing: bool
    begun: str = NOTHING

    @property
    def moment(self) -> str:
        """The moment in words."""
        return (" and ".join(self.stages) or "between stages") + (", while it wrote" if self.writing else "")


@dataclass
class Comparison:
    """One study that was killed and then ended: what differs in the end, and what was wrong on the way."""

    kills: list[Kill] = field(default_factory=list)
    survivors: list[str] = field(default_factory=list)
    half_written: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def wrong(self) -> list[str]:
        """What was wrong, in words."""
        found = {"outlived by": self.survivors, "half-written": self.half_written, "failed": self.failed}
        found |= {"different": self.different}
        return [f"{what}: {one}" for what, ones in found.items() for one in ones]

    @classmethod
    def parse(cls, line: str) -> Comparison:
        """Read a line of ``kills.jsonl``."""
        found = json.loads(line)
        kills = [Kill(**kill | {"stages": tuple(kill["stages"])}) for kill in found.pop("kills")]
        return cls(kills=kills, **found)


def summary(done: Sequence[Comparison]) -> str:
    """Return the last line: what all of `done` were, and what was seen."""
    kills = [kill for one in done for kill in one.kills]
    moments, writing = len({kill.moment for kill in kills}), sum(kill.writing for kill in kills)
    commands = ", ".join(f"{command} {count}" for command, count in sorted(Counter(k.command for k in kills).items()))
    survivors, half = (sum(len(getattr(one, name)) for one in done) for name in ("survivors", "half_written"))
    failed = sum(len(one.failed) for one in done)
    return (
        f"{len(kills)} kills ({commands or 'none'}) of {len({kill.victim for kill in kills})} kinds of process at "
        f"{moments} different moments, {writing} while writing: "
        f"{survivors} survivors, {half} half-written files, {failed} failed restarts; {len(done) - failed} reports "
        f"compared, {sum(not one.different and not one.failed for one in done)} identical"
    )


def contents(folder: Path) -> dict[str, str]:
    """Return a digest of each file that the study in `folder` has made, and what MLflow has, without times.

    In tables and JSON the columns and keys of `TIMES` are left out, on the page `TIMES_ON_PAGE`; lists of checksums are
    left out, for they are of files with times. Everything else is compared byte for byte.
    """
    paths = sorted(path for name in COMPARED for path in (folder / name).rglob("*") if path.is_file())
    kept = [path for path in paths if path.name != "SHA256SUMS"]
    digests = {str(path.relative_to(folder)): hashlib.sha256(_timeless_bytes(path)).hexdigest() for path in kept}
    return digests | dict(_mlflow(folder / "mlflow.db"))


def _timeless_bytes(path: Path) -> bytes:
    content = path.read_bytes()
    if path.suffix == ".csv":
        rows = list(csv.DictReader(content.decode().splitlines(keepends=True)))
        columns = [key for key in (rows[0] if rows else {}) if key not in TIMES]
        return repr([columns, *([row[key] for key in columns] for row in rows)]).encode()
    if path.suffix == ".json":
        return json.dumps(_timeless(json.loads(content))).encode()
    return TIMES_ON_PAGE.sub("", content.decode()).encode() if path.suffix == ".html" else content


def _timeless(value: object) -> object:
    if isinstance(value, dict):
        return {key: _timeless(item) for key, item in value.items() if key not in TIMES}
    return [_timeless(item) for item in value] if isinstance(value, list) else value


def _mlflow(path: Path) -> Iterator[tuple[str, str]]:
    """Yield each active run's name, and what it has: state, parameters, and every value of its metrics.

    Of the run of the whole study only the last value of each: `make study` compares after each round, `dvc repro` once.
    """
    with contextlib.closing(sqlite3.connect(path)) as database:
        runs = database.execute("SELECT run_uuid, name, status FROM runs WHERE lifecycle_stage = 'active'").fetchall()
        found = []
        for run, name, status in runs:
            table = "latest_metrics" if name.startswith("study of ") else "metrics"
            metrics = database.execute(f"SELECT key, step, value FROM {table} WHERE run_uuid = ?", (run,)).fetchall()
            parameters = database.execute("SELECT key, value FROM params WHERE run_uuid = ?", (run,)).fetchall()
            timeless = sorted(one for one in metrics if one[0] not in TIMES)
            found.append((name, repr((status, sorted(parameters), timeless))))
    numbers: Counter[str] = Counter()
    for name, has in sorted(found):
        numbers[name] += 1
        yield f"MLflow: {name}" if numbers[name] == 1 else f"MLflow: {name}, {numbers[name]}", has


def _words(process: psutil.Process) -> list[str]:
    with contextlib.suppress(psutil.Error):
        return process.cmdline()
    return []


def _kind(words: list[str]) -> str:
    return next((kind for kind, fits in KINDS.items() if fits(words)), "") if words else ""


def _stage(words: list[str]) -> str:
    """Return the stage of a stage's process, without head and loss: ``train --round 2``."""
    script = next((number for number, word in enumerate(words) if word.startswith("stages/")), None)
    if script is None:
        return ""
    options = next((words[number:] for number, word in enumerate(words) if word.startswith("--")), [])
    return " ".join([Path(words[script]).stem, *options])


class Chaos:
    """A small study in a clone, what it ends in where nothing disturbs it, and what has been done to it so far.

    Args:
        folder: of the clone and ``kills.jsonl``; one that has them is continued.
        commands: what is typed, of `COMMANDS`.
        seed: decides moments, victims and signals; when a moment comes, the machine decides what it hits.
        choices: what the study is beside `SMALL`, in Hydra's grammar; those of a folder that is continued stay.
    """

    def __init__(self, folder: Path, commands: Sequence[str], seed: int, choices: Sequence[str] = ()) -> None:
        self.folder, self.log, undisturbed = folder, folder / "kills.jsonl", folder / "undisturbed.json"
        shell = folder / SHELL
        self.pairs = [(command, victim) for command in commands for victim in VICTIMS[command]]
        self.done = [Comparison.parse(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []
        self.random = random.Random(f"{seed} {len(self.done)}")
        if undisturbed.exists():
            self.clone = Clone(folder / "clone", existing=True)
        else:
            shutil.rmtree(folder / "clone", ignore_errors=True)
            self.clone = self._small_study(choices)
            shell.write_text('#!/bin/sh\nsh -c "$2"\nexit $?\n')
            shell.chmod(0o755)
        self.environment = self.clone.environment | {MARK: str(folder), "SHELL": str(shell)}
        # Compiling the package in each process anew costs a study tens of seconds.
        self.environment.pop("PYTHONDONTWRITEBYTECODE", None)
        self._end_survivors()
        if not undisturbed.exists():
            undisturbed.write_text(json.dumps(self._run_undisturbed(), indent=1))
        found = json.loads(undisturbed.read_text())
        #: Seconds from nothing to each of `STARTS`, in their order, and to the end.
        self.seconds: dict[str, float] = found["seconds"]
        self.undisturbed: dict[str, str] = found["contents"]

    def _run_undisturbed(self) -> dict[str, object]:
        """Run the study from nothing, and keep copies after each of `STARTS`; return how long it takes and its end."""
        shutil.rmtree(self.folder / "begun", ignore_errors=True)
        seconds, began = {NOTHING: 0.0}, time.monotonic()
        shutil.copytree(self.clone.folder, self.folder / "begun" / NOTHING, symlinks=True)
        for start in STARTS:
            self._run(["dvc", "repro", start]).check_returncode()
            seconds[start] = time.monotonic() - began
            shutil.copytree(self.clone.folder, self.folder / "begun" / start, symlinks=True)
        self._run(COMMANDS["repro"]).check_returncode()
        seconds[END] = time.monotonic() - began
        return {"seconds": seconds, "contents": contents(self.clone.folder)}

    def _run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            command,
            cwd=self.clone.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def _small_study(self, choices: Sequence[str]) -> Clone:
        clone = Clone(self.folder / "clone")
        composition.compose(clone.folder / "params.yaml", [*SMALL, *choices])
        file, before, after = POOL
        (clone.folder / file).write_text(re.sub(before, after, (clone.folder / file).read_text()))
        clone.commit("a small study")
        return clone

    @property
    def kills(self) -> list[Kill]:
        """All kills so far, of studies that were compared."""
        return [kill for one in self.done for kill in one.kills]

    def kill(self, kills: int, in_a_row: int = 1) -> None:
        """Kill until there are so many kills in all, and compare what each study ends in.

        Args:
            in_a_row: kills of one study before it is compared.
        """
        while (left := kills - len(self.kills)) > 0:
            began, one = time.monotonic(), Comparison()
            try:
                self._study(one, min(left, in_a_row))
            finally:
                self._end_survivors()
            if not one.kills:
                continue
            one.seconds = round(time.monotonic() - began, 1)
            self.done.append(one)
            with self.log.open("a") as file:
                file.write(json.dumps(asdict(one)) + "\n")
            if one.wrong:
                shutil.copytree(self.clone.folder, self.folder / f"wrong-{len(self.done)}", symlinks=True)
            for wrong in one.wrong:
                print(f"wrong: {wrong}", flush=True)

    def _study(self, one: Comparison, kills: int) -> None:
        """Run a study with so many kills, or fewer if it ends before them; compare what it ends in."""
        command, victim = self._least_killed(self.pairs)
        moment = 0.0 if victim in OF_THE_POOL else self.random.uniform(0, 0.9 * self.seconds[END])
        begun = max((start for start in self.seconds if self.seconds[start] <= moment), key=self.seconds.__getitem__)
        shutil.rmtree(self.clone.folder)
        shutil.copytree(self.folder / "begun" / begun, self.clone.folder, symlinks=True)
        after = moment - self.seconds[begun]
        while self._killed(one, command, victim, begun, after) and len(one.kills) < kills:
            # Only `sample` has a pool.
            later = [pair for pair in self.pairs if pair[0] == command and pair[1] not in OF_THE_POOL]
            command, victim = self._least_killed(later)
            after = self.random.uniform(0, 0.5 * self.seconds[END])
        if one.kills:
            self._compare(one, command)

    def _least_killed(self, pairs: Sequence[tuple[str, str]]) -> tuple[str, str]:
        counts = Counter((kill.command, kill.victim) for kill in self.kills)
        return min(pairs, key=lambda pair: (counts[pair], self.random.random()))

    def _killed(self, one: Comparison, command: str, victim: str, begun: str, after: float) -> bool:
        """Start the command and kill it or one of its processes `after` seconds; False if it came to its end first."""
        began = time.monotonic()
        with (self.folder / "output.txt").open("w") as output:
            process = subprocess.Popen(
                COMMANDS[command],
                cwd=self.clone.folder,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            writing = victim not in OF_THE_POOL and self.random.random() < 0.5
            hit = self._wait(process, victim, writing, after)
            if not hit:
                print(f"     no kill: {command} ended with {process.returncode} before {victim}", flush=True)
                return False
            number = self.random.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM])
            kill = Kill(command, victim, number.name, self._stages(process), writing, begun)
            self._send(process, victim, hit, number)
        one.kills.append(kill)
        one.survivors += [f"{kill.victim}, {kill.signal}: {' '.join(_words(left))}" for left in self._survivors()]
        one.half_written += self._not_whole()
        count = len(self.kills) + len(one.kills)
        how = f"{kill.signal} to {victim} of {command} in {kill.moment}"
        print(f"{count:3d}  {how}, ended with {process.returncode} after {time.monotonic() - began:.0f} s", flush=True)
        return True

    def _wait(self, process: subprocess.Popen, victim: str, writing: bool, after: float) -> list[psutil.Process]:
        """Wait so many seconds, where `writing` for the first half-written file behind them, for a process of the kind.

        Returns:
            The processes to be killed; none if the command ended first.
        """
        moment = time.monotonic() + after
        left_before = self._half_written()
        while process.poll() is None:
            now = time.monotonic() >= moment and (not writing or self._half_written() - left_before)
            if now and (hit := self._of_kind(process, victim)):
                return hit
            time.sleep(0.001 if writing else 0.05)
        return []

    def _of_kind(self, process: subprocess.Popen, victim: str) -> list[psutil.Process]:
        if victim == ALL:
            return self._tree(process)[:1]
        return [one for one in self._tree(process) if _kind(_words(one)) == victim]

    def _tree(self, process: subprocess.Popen) -> list[psutil.Process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            command = psutil.Process(process.pid)
            return [command, *command.children(recursive=True)]
        return []

    def _stages(self, process: subprocess.Popen) -> tuple[str, ...]:
        return tuple(sorted({_stage(_words(one)) for one in self._tree(process)} - {""}))

    def _half_written(self) -> set[Path]:
        """Return the temporary names of `loss_study.runtime.files` and of checkpoints that are there at this moment."""
        places = [self.clone.folder / name for name in ("data", *COMPARED[1:], "checkpoints")]
        # A walk overlooks what vanishes under it.
        walked = [step for place in places for step in os.walk(place)]
        entries = {Path(root, name) for root, folders, files in walked for name in (*folders, *files)}
        return {path for path in entries if path.name.startswith(".") and path.name.endswith("new")}

    def _send(self, process: subprocess.Popen, victim: str, hit: list[psutil.Process], number: signal.Signals) -> None:
        """Kill the whole group or one process of those that are `hit`, and wait for the end of all."""
        if victim == ALL:
            os.killpg(process.pid, number)
        else:
            with contextlib.suppress(psutil.NoSuchProcess):
                self.random.choice(hit).send_signal(number)
        # A command that lost one of its processes finishes what it can.
        process.wait()
        deadline = time.monotonic() + SECONDS_TO_END
        while self._survivors() and time.monotonic() < deadline:
            time.sleep(0.1)

    def _survivors(self) -> list[psutil.Process]:
        """Return what is left of the command, whatever group or session it has gone to."""
        left = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get(MARK) == str(self.folder):
                    left.append(process)
        return left

    def _end_survivors(self) -> None:
        for survivor in self._survivors():
            survivor.kill()

    def _not_whole(self) -> list[str]:
        runs = self.clone.folder.glob("runs/*/*/*/[0-9]*")
        broken = [run for run in runs if not {file.name for file in run.iterdir()} >= WHOLE_RUN]
        return [str(run.relative_to(self.clone.folder)) for run in broken]

    def _compare(self, one: Comparison, command: str) -> None:
        """Type the command again, and compare what is there with the undisturbed study."""
        done = self._run(COMMANDS[command])
        if done.returncode:
            one.failed.append(f"exit code {done.returncode}: {done.stdout[-600:]}")
            return
        found, expected = contents(self.clone.folder), self.undisturbed
        one.different += [name for name in sorted(found | expected) if found.get(name) != expected.get(name)]
        one.half_written += [str(path.relative_to(self.clone.folder)) for path in sorted(self._half_written())]


def main() -> None:
    """Kill as often as the command line says, and exit with 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="in all, with those of earlier runs in the folder")
    parser.add_argument("--in-a-row", type=int, default=1, help="kills of one study before it is compared")
    parser.add_argument("--seed", type=int, default=0, help="of the moments and the victims")
    parser.add_argument("--command", choices=COMMANDS, action="append", help="what is killed (default: all in turn)")
    parser.add_argument("--folder", type=Path, help="what is kept and continued (default: a temporary one)")
    parser.add_argument("choices", nargs="*", help="what the study is beside SMALL, such as 'loss.heads=[depth]'")
    arguments = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = arguments.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        chaos = Chaos(folder.resolve(), arguments.command or list(COMMANDS), arguments.seed, arguments.choices)
        print(f"undisturbed: {chaos.seconds[END]:.0f} s, {len(chaos.undisturbed)} files and MLflow runs", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            chaos.kill(arguments.kills, arguments.in_a_row)
    print(summary(chaos.done), flush=True)
    sys.exit(any(one.wrong for one in chaos.done) or len(chaos.kills) < arguments.kills)


if __name__ == "__main__":
    main()
