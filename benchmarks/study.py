"""Where the seconds of a study go: ``python benchmarks/study.py [--jobs 2] [scale=smoke ...]``.

Runs the study in a temporary clone of the working tree, without a cache, and takes the time apart: DVC and start-up
of the stages, training, evaluation, everything else. Then once more, when there is nothing to do.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from measuring import save

ROOT = Path(__file__).parent.parent


def clone(folder: Path, overrides: list[str]) -> dict[str, str]:
    """Copy the working tree to `folder`, make it a repository, compose its parameters; return the environment."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    (folder / "dvc.lock").unlink(missing_ok=True)
    environment = os.environ | {
        "PYTHONPATH": str(folder / "src"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    compose = [sys.executable, "-m", "loss_study.composing", *overrides]
    subprocess.run(compose, cwd=folder, env=environment, check=True)
    return environment


def seconds(command: list[str], folder: Path, environment: dict[str, str]) -> float:
    """Run `command` and return how long it took; its output goes to ``study.log``."""
    started = time.perf_counter()
    with (folder / "study.log").open("a") as log:
        subprocess.run(command, cwd=folder, env=environment, check=True, stdout=log, stderr=subprocess.STDOUT)
    return time.perf_counter() - started


def trial_seconds(folder: Path) -> tuple[float, float]:
    """Return the sums over all trials of the seconds of training and of evaluation, start-up not counted."""
    training = sum(json.loads(path.read_text())["seconds"] for path in folder.glob("runs/*/trial.json"))
    evaluation = sum(json.loads(path.read_text())["seconds"] for path in folder.glob("eval/*/metrics.json"))
    return training, evaluation


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=0, help="trials at once; 1 is plain dvc repro")
    parser.add_argument("overrides", nargs="*", help="choices in Hydra's grammar, such as scale=smoke loss=dice")
    arguments = parser.parse_args()
    jobs = arguments.jobs or min(os.cpu_count() or 1, 4)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        environment = clone(folder, arguments.overrides)
        sampling = seconds(["dvc", "repro", "sample"], folder, environment)
        run = [sys.executable, "-m", "loss_study.parallel", "--jobs", str(jobs)] if jobs > 1 else ["dvc", "repro"]
        trials_and_compare = seconds(run, folder, environment)
        comparing = seconds(["dvc", "repro", "--single-item", "--force", "compare"], folder, environment)
        nothing = seconds(["dvc", "repro"], folder, environment)
        training, evaluation = trial_seconds(folder)
        rows = list(folder.glob("eval/*"))
    total = sampling + trials_and_compare
    arithmetic = (training + evaluation) / jobs
    parts = {
        "check, download, sample": sampling,
        f"training (sum of {len(rows)} trials / {jobs} jobs)": training / jobs,
        "evaluation (likewise)": evaluation / jobs,
        "compare, with its start-up": comparing,
        "start-up, DVC and waiting": total - sampling - arithmetic - comparing,
        "the whole study": total,
        "dvc repro with nothing to do": nothing,
    }
    table = Table(title="Seconds of the study", title_justify="left")
    table.add_column("part")
    table.add_column("seconds", justify="right")
    table.add_column("share", justify="right")
    for name, value in parts.items():
        table.add_row(name, f"{value:.1f}", f"{value / total:.0%}")
    Console().print(table)
    save("study", {"jobs": jobs, "trials": len(rows), "overhead_share": 1 - arithmetic / total, **parts})


if __name__ == "__main__":
    main()
