"""A copy of the project in a folder of its own, in which another study runs."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from loss_study.config import PARAMS, load_config
from loss_study.config.composition import composed
from loss_study.orchestration.tasks import LOCK_FILES
from loss_study.runtime.errors import StudyError
from loss_study.runtime.processes import bound


@dataclass(frozen=True)
class ProjectCopy:
    """The files of a project that git does not ignore, in `folder`, with the parameters of another study.

    What its study has made stays in the folder, so that it goes on when the copy is made again.
    """

    folder: Path

    @classmethod
    def of(cls, project: Path, folder: Path, choices: list[str]) -> ProjectCopy:
        """Bring the copy of `project` in `folder` up to date, and compose its parameters from `choices`.

        Raises:
            StudyError: the choices do not compose.
        """
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / ".git").exists():
            subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
        names = _code(project)
        for name in _code(folder) - names:
            (folder / name).unlink()
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((project / name).read_bytes())
        copy = cls(folder.resolve())
        copy.run("loss-study", "compose", *choices)
        return copy

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which its commands run: with this Python, and with the code in the folder."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return os.environ | {"PYTHONPATH": str(self.folder / "src"), "PATH": path}

    def run(self, *command: str) -> None:
        """Run `command` in the folder; StudyError if it fails, after it has said why itself."""
        done = subprocess.run(bound(list(command)), cwd=self.folder, env=self.environment, check=False)
        if done.returncode != 0:
            raise StudyError(f"{self.folder}: '{' '.join(command)}' failed, see above")


def _code(project: Path) -> set[str]:
    """Return the files that git does not ignore, but for parameters and results: they are a study's own."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    files = subprocess.run(listed, cwd=project, capture_output=True, text=True, check=True).stdout.split("\0")
    own = {str(path) for path in LOCK_FILES} | {"params.yaml"}
    return {
        name for name in files if (project / name).is_file() and name not in own and not name.startswith("reports/")
    }


def check_parameters(study: Path, choices: list[str]) -> None:
    """Check that the study in the folder `study` has the parameters that `choices` compose; StudyError if not."""
    if load_config(study / PARAMS) != composed(choices):
        raise StudyError(f"{study / PARAMS}: is not the study of {' '.join(choices)}")
