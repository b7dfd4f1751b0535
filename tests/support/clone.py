"""A clone of the working tree, in which DVC runs for real."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
LOCK_FILES = ("dvc.lock", "rounds/dvc.lock")
#: In the environment: `compare` warns that nothing answers there, instead of loading MLflow, half of its time.
NO_MLFLOW = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}
#: The same before a command.
WITHOUT_MLFLOW = ("env", *(f"{key}={value}" for key, value in NO_MLFLOW.items()))


def keep_dice(lock_file: Path) -> None:
    """Take the trainings with other losses out of a lock file."""
    values = yaml.load(lock_file.read_text(), yaml.CSafeLoader)
    stages = values["stages"].items()
    values["stages"] = {name: stage for name, stage in stages if "train" not in name or name.endswith("-dice")}
    lock_file.write_text(yaml.dump(values, Dumper=yaml.CSafeDumper, sort_keys=False))


class Clone:
    """A fresh clone of the working tree with its own git repository, without a git identity and a DVC cache.

    Its `baseline` is what DVC knows of the default study, of the losses that of Dice alone; without it, DVC knows
    nothing. DVC writes all of it anew after each stage, which takes seconds for the whole.
    An `existing` one is taken as it is.
    """

    def __init__(self, folder: Path, *, baseline: bool = False, existing: bool = False) -> None:
        self.folder = folder
        if existing:
            return
        files = self._git("ls-files", "--cached", "--others", "--exclude-standard", "-z", cwd=ROOT).split("\0")
        for name in filter(None, files):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / name).is_symlink():
                target.symlink_to((ROOT / name).readlink())
            elif (ROOT / name).is_file():
                target.write_bytes((ROOT / name).read_bytes())
        for name in LOCK_FILES:
            if baseline:
                keep_dice(folder / name)
            else:
                (folder / name).unlink()
        self._git("init", "--quiet")
        self.commit("start")

    def commit(self, message: str) -> None:
        identity = ["-c", "user.name=someone", "-c", "user.email=someone@example.org"]
        self._git("add", "--all")
        self._git(*identity, "commit", "--quiet", "--allow-empty", "--message", message)

    def identify(self) -> None:
        """Give the repository a git identity, as `make study` does: without one, DVC cannot set an experiment aside."""
        self._git("config", "user.name", "someone")
        self._git("config", "user.email", "someone@example.org")

    def _git(self, *arguments: str, cwd: Path | None = None) -> str:
        command = ["git", *arguments]
        return subprocess.run(command, cwd=cwd or self.folder, check=True, capture_output=True, text=True).stdout

    @property
    def environment(self) -> dict[str, str]:
        private = ("GIT_", "DVC_", "MLFLOW_", "XDG_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(private)}
        return kept | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}",
            "PYTHONPATH": str(self.folder / "src"),
            "HOME": str(self.folder.parent / "home"),
            "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        }

    def run(self, *command: str, code: int = 0, inside: str = ".") -> str:
        """Run a command in the clone, or in a folder `inside` it, and return what it printed."""
        done = subprocess.run(
            command,
            cwd=self.folder / inside,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout
        return done.stdout

    def ran(self, output: str) -> list[str]:
        """Return the names of the stages that DVC ran, in order."""
        return [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]

    def rows(self, name: str) -> list[dict[str, str]]:
        with (self.folder / "reports" / name).open() as file:
            return list(csv.DictReader(file))

    def metrics(self) -> dict:
        return json.loads((self.folder / "reports" / "metrics.json").read_text())
