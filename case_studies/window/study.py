"""Run the study of one image size: ``python window/study.py 64``.

The study runs in data/window/<dataset>/<size>/, a copy of the project, where it goes on when it is started again. Or it
has been run elsewhere, see ``--study``. Writes window/results/<dataset>/<size>.csv, a row for each training.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import plan
from findings import ALIGNED, CODED

from loss_study.orchestration.project_copy import ProjectCopy, check_parameters
from loss_study.runtime.errors import StudyError, run_stage
from loss_study.runtime.files import write_csv
from loss_study.statistics.results import read_csv

ROOT = Path("..")
#: Of reports/compare.csv, where the verdict of a sound training is empty, and of the answer in reports/metrics.json.
OF_TRAINING = ("loss", "seed", "verdict", "seconds", CODED.name, ALIGNED.name)
OF_ANSWER = ("choice", "regret_bound")


def main() -> None:
    """Parse the size, run its study, keep what its trainings reached."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("size", type=int, help="side of the images in pixels")
    parser.add_argument("--jobs", type=int, default=0, help="trainings at once; 0 (default): one per core, at most 4")
    parser.add_argument("--study", type=Path, help="the folder where the study has been run")
    arguments = parser.parse_args()
    chosen = plan.load()
    folder = arguments.study
    if folder is None:
        folder = Path("data/window") / chosen.dataset / str(arguments.size)
        study = ProjectCopy.of(ROOT, folder, chosen.choices(arguments.size))
        study.run("loss-study", "run", "--jobs", str(arguments.jobs), "--minutes", "0")
    else:
        check_parameters(folder, chosen.choices(arguments.size))
    keep(folder, chosen.results(arguments.size))


def keep(study: Path, results: Path) -> None:
    """Write what the study in the folder `study` reached and answers; StudyError where it has no report."""
    rows = read_csv(study / "reports/compare.csv")
    if not rows:
        raise StudyError(f"{study / 'reports/compare.csv'}: not there; the study has not been compared")
    depth = json.loads((study / "reports/metrics.json").read_text(encoding="utf-8"))["depth"]
    answer = {name: depth[name] for name in OF_ANSWER}
    results.parent.mkdir(parents=True, exist_ok=True)
    found = [{name: row[name] for name in OF_TRAINING} | answer for row in rows]
    write_csv(results, found, (*OF_TRAINING, *OF_ANSWER))
    print(f"{results} written", flush=True)


if __name__ == "__main__":
    run_stage(main)
