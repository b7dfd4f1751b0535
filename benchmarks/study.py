"""Where the seconds of a study go: ``python benchmarks/study.py [--jobs 2] [scale=smoke ...]``.

Runs the study in a temporary clone of the working tree, without a cache, and takes the time apart by what the trials
measured and when their lines appeared: up to the first training step, training, evaluation, between the trials, after
the last one. Then once more, when there is nothing to do.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from loss_study.orchestration.local import at_once
from loss_study.orchestration.project_copy import ProjectCopy
from loss_study.statistics.results import read_csv
from measuring import save

ROOT = Path(__file__).parent.parent


def clone(folder: Path, overrides: list[str]) -> dict[str, str]:
    """Copy the project to `folder`, compose its parameters; return the environment."""
    return ProjectCopy.of(ROOT, folder, overrides).environment


@dataclass(frozen=True)
class Run:
    """A command that ran: its wall-clock and processor seconds, and what it printed, each line with its second."""

    seconds: float
    processor: float
    lines: list[tuple[float, str]]

    def when(self, text: str) -> float:
        """Return the second in which a line with `text` appeared first."""
        return next(second for second, line in self.lines if text in line)


def run(command: list[str], folder: Path, environment: dict[str, str]) -> Run:
    """Run `command` in `folder`; what it says on its way is shown only if it fails."""
    before, started = _processor(), time.perf_counter()
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        lines = [(time.perf_counter() - started, line) for line in process.stdout or ()]
    if process.returncode != 0:
        sys.exit("".join(line for _, line in lines))
    return Run(time.perf_counter() - started, _processor() - before, lines)


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@dataclass(frozen=True)
class Arithmetic:
    """What the study did: seconds of searches, training and evaluation in all; when the first began, the last ended.

    Training is from a trial's first step to the end of its last epoch, with the validation and the checkpoint of each;
    of a search only the training of its candidates.
    """

    trials: int
    searches: float
    training: float
    evaluation: float
    first: float
    last: float


def arithmetic(folder: Path, study: Run) -> Arithmetic:
    """Read what the trials in `folder` measured, start-up not counted, and when `study` printed their lines."""
    trained = {_name(path.parent): path.parent for path in folder.glob("runs/*/*/*/*/trial.json")}
    training = {name: json.loads((run / "trial.json").read_text()) for name, run in trained.items()}
    searches = [row for path in folder.glob("tuning/*/*/search.csv") for row in read_csv(path)]
    evaluation = [json.loads(path.read_text()) for path in folder.glob("eval/*/*/*/*/metrics.json")]
    first = {name: study.when(f"{name}  epoch 1/") - _first_epoch(run) for name, run in trained.items()}
    return Arithmetic(
        len(training),
        sum(float(row["seconds"]) for row in searches),
        sum(study.when(f"{name}  epoch {trial['epochs_run']}/") - first[name] for name, trial in training.items()),
        sum(trial["seconds"] for trial in evaluation),
        study.when("  epoch 1/"),
        max(study.when(f"{name}  test ") for name in training),
    )


def _name(run: Path) -> str:
    return "-".join(run.parts[-3:])


def _first_epoch(run: Path) -> float:
    with (run / "history.csv").open() as file:
        return float(next(csv.DictReader(file))["seconds"])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=0, help="trials at once; 1 is plain dvc repro")
    parser.add_argument("overrides", nargs="*", help="choices in Hydra's grammar, such as scale=smoke loss=dice")
    arguments = parser.parse_args()
    jobs = at_once(arguments.jobs)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        environment = clone(folder, arguments.overrides)
        command = (
            [sys.executable, "-m", "loss_study", "run", "--jobs", str(jobs), "--minutes", "0"]
            if jobs > 1
            else ["dvc", "repro"]
        )
        study = run(command, folder, environment)
        nothing = run(["dvc", "repro"], folder, environment)
        done = arithmetic(folder, study)
    useful = (done.searches + done.training + done.evaluation) / jobs
    parts = {
        "to the first step: start-up, check, download, sample": done.first,
        "searches for learning rates (sum of the trainings / jobs)": done.searches / jobs,
        f"training (sum of {done.trials} trials / {jobs} jobs)": done.training / jobs,
        "evaluation (likewise)": done.evaluation / jobs,
        "between trials: DVC, start-up, waiting": done.last - done.first - useful,
        "after the last trial: compare": study.seconds - done.last,
        "the whole study": study.seconds,
    }
    table = Table(title="Seconds of the study", title_justify="left")
    table.add_column("part")
    table.add_column("seconds", justify="right")
    table.add_column("share", justify="right")
    for name, value in parts.items():
        table.add_row(name, f"{value:.1f}", f"{value / study.seconds:.0%}")
    between = (done.last - done.first - useful) * jobs / done.trials
    table.add_section()
    table.add_row("a job between one trial's arithmetic and the next one's", f"{between:.1f}")
    table.add_row("processor seconds of the study", f"{study.processor:.1f}")
    table.add_row("dvc repro with nothing to do", f"{nothing.seconds:.1f}")
    Console().print(table)
    save(
        "study" if jobs > 1 else "repro",
        {
            "jobs": jobs,
            "trials": done.trials,
            "study_seconds": study.seconds,
            "study_overhead_share": 1 - useful / study.seconds,
            "seconds_to_first_step": done.first,
            "seconds_between_trials": between,
            "processor_seconds": study.processor,
            "nothing_to_do_seconds": nothing.seconds,
            "parts": parts,
        },
    )


if __name__ == "__main__":
    main()
