"""Verify the last study: every file by its checksum, those in DVC's cache too, the report and MLflow by the files.

Prints what does not hold, a line each; the exit code is 1 then.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from loss_study.config import Config, load_config
from loss_study.data.packed import PackedSample
from loss_study.orchestration.dvc_notes import keep_private
from loss_study.orchestration.tasks import DVC
from loss_study.report import terminal
from loss_study.report.build import build
from loss_study.report.sections.data import INSPECTION
from loss_study.runtime import checksums
from loss_study.runtime.errors import StudyError
from loss_study.runtime.progress import Reporter, reporting
from loss_study.statistics import results
from loss_study.statistics.ranking import rank_all
from loss_study.trial import DECISIONS, EVAL, PARENTS, RUNS, SAMPLE, TUNING, trials

#: In DVC's cache: its files, each named by its MD5. A copy that was interrupted leaves hidden ones.
CACHED = "files/md5/??/[!.]*"
#: What the page says of the commit that was checked out, and of the experiment, when it was made: no file tells that.
_ORIGIN = re.compile(
    rb", commit [0-9a-f]{7}( with uncommitted changes)?|  <p>Some files had uncommitted changes .*\n"
    rb"|git checkout [0-9a-f]{40}\n|dvc exp apply .*\n"
)
#: Where stages leave folders with checksums, some deeper than others: a parent has one for each fold.
ROOTS = (PARENTS, TUNING, DECISIONS, RUNS, EVAL)


def add_arguments(_: argparse.ArgumentParser) -> None:
    """There are none."""


def main(_: argparse.Namespace) -> None:
    """Verify the study that params.yaml describes."""
    keep_private()
    config = load_config()
    known, cached = folders(), sorted(path for path in _cache_folder().glob(CACHED) if path.is_file())
    with reporting("verifying", len(known) + len(cached)) as reporter:
        problems = [*_files(known, reporter), *_cache(cached, reporter), *_report(config)]
    try:
        problems += _mlflow(config)
    except StudyError as error:
        problems.append(str(error))
    for problem in problems:
        print(problem)
    what = f"{len(known)} folders, {len(cached)} files in DVC's cache, the report and MLflow"
    print(f"{what}: {len(problems) or 'no'} problem{'s'[: len(problems) != 1]}")
    sys.exit(1 if problems else 0)


def _cache_folder() -> Path:
    """Return DVC's cache: `dvc config cache.dir` may share one between clones and users."""
    done = subprocess.run([*DVC, "cache", "dir"], check=False, capture_output=True, text=True)
    found = Path(done.stdout.strip() if done.returncode == 0 else ".dvc/cache")
    return found.relative_to(Path.cwd()) if found.is_relative_to(Path.cwd()) else found


def folders() -> list[Path]:
    """Return the folders of the study on the disk that a stage wrote as a whole."""
    found = [folder for folder in (SAMPLE, INSPECTION) if folder.is_dir()]
    return found + [folder for root in ROOTS if root.is_dir() for folder in _with_files(root)]


def _with_files(folder: Path) -> Iterator[Path]:
    """Yield `folder` if a file is in it, else those of its subfolders; an operating system leaves hidden files."""
    inside = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    if any(path.is_file() for path in inside):
        yield folder
        return
    for path in inside:
        if path.is_dir():
            yield from _with_files(path)


def _files(known: list[Path], reporter: Reporter) -> Iterator[str]:
    for folder in known:
        if not (folder / checksums.LIST).is_file():
            yield f"{folder}: has no {checksums.LIST}; run 'dvc repro -f' on its stage, which writes it"
        try:
            checksums.check(folder)
        except StudyError as error:
            yield str(error)
        reporter.advance(1)


def _cache(cached: list[Path], reporter: Reporter) -> Iterator[str]:
    """Compare the files in DVC's cache with their names, which DVC does not: it compares times and sizes."""
    for path in cached:
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "md5").hexdigest()
        if content != path.parent.name + path.name.removesuffix(".dir"):
            yield f"{path}: damaged in DVC's cache; remove it, then run 'dvc repro -f' on its stage"
        reporter.advance(1)


def _report(config: Config) -> Iterator[str]:
    """Build the report in memory and compare."""
    try:
        found = results.read(config)
        files = build(config, found, rank_all(found, config), PackedSample.open(SAMPLE))
    except StudyError as error:
        yield f"{terminal.REPORTS}: cannot be built again: {error}"
        return
    for name, content in files.items():
        path = terminal.REPORTS / name
        if not path.is_file() or _ORIGIN.sub(b"", path.read_bytes()) != _ORIGIN.sub(b"", content):
            yield f"{path}: is not what follows from the files; run 'dvc repro -f -s compare'"


def _mlflow(config: Config) -> Iterator[str]:
    """Compare the numbers and the verdict of every trial's run with its files."""
    # MLflow's import takes seconds.
    from loss_study.tracking import describe, mirror, outputs, store  # noqa: PLC0415

    with store.failing_in_one_line():
        all_runs = mirror.TrialRuns(store.connect())
    for trial in trials(config):
        try:
            one = outputs.read(trial)
        except StudyError:
            continue  # `_files` has named it.
        if one is None:
            continue
        runs = all_runs.complete(describe.trained_key(one, config), one.content)
        if len(runs) != 1:
            yield f"MLflow: {trial.name} has {len(runs)} complete runs instead of one; run 'dvc repro -f -s compare'"
        expected = describe.outcome_metrics(one) | describe.outcome_tags(one)
        for run in runs:
            yield from _differences(f"MLflow: {trial.name}", run.data.metrics | run.data.tags, expected)


def _differences(whose: str, logged: Mapping[str, float | str], expected: Mapping[str, float | str]) -> Iterator[str]:
    for name, value in expected.items():
        held = logged.get(name)
        # As text as well: NaN does not equal itself.
        if held != value and str(held) != str(value):
            yield f"{whose}: {name} is {held} instead of {value}; delete the run"
