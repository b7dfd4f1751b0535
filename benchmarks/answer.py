"""How long an answer takes: ``python benchmarks/answer.py [--jobs 2] [dataset=...]``.

Runs the default study to its decision, and beside it, with ``--plain``, a plain design: five learning rates for each
loss, five seeds, all losses to the end. Each in a temporary clone of the working tree, without a cache. The table has
when each answer was printed, its bound, and the trainings until then; a training of the search counts by its epochs.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml
from rich.console import Console
from rich.table import Table

from loss_study.statistics.results import read_csv
from measuring import save
from study import Run, clone, run

PLAIN = ["seeds=[0,1,2,3,4]", "race.rounds=[5]", "recipe.search.lr=[0.004,0.009,0.02,0.045,0.1]"]


@dataclass(frozen=True)
class Answer:
    """One head after one round; `margin` in the unit of the metric, `trainings` of the head with its searches."""

    design: str
    head: str
    round: int
    minutes: float
    trainings: float
    choice: str
    bound: float
    margin: float


def answers(design: str, overrides: list[str], jobs: int) -> Iterator[Answer]:
    """Run a study and yield every answer that it printed."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        environment = clone(folder, overrides)
        command = [sys.executable, "-m", "loss_study", "run", "--jobs", str(jobs), "--minutes", "0"]
        study = run(command, folder, environment)
        recipe = yaml.safe_load((folder / "params.yaml").read_text())["recipe"]
        metrics = json.loads((folder / "reports" / "metrics.json").read_text())
        for row in read_csv(folder / "reports" / "rounds.csv"):
            searches = sum(len(read_csv(path)) for path in folder.glob(f"tuning/{row['head']}/*/search.csv"))
            parents = len(list(folder.glob(f"parents/{row['head']}/*/trial.json")))
            before = searches * recipe["search"]["epochs"] + parents * recipe["parent"]["epochs"]
            yield Answer(
                design,
                row["head"],
                int(row["round"]),
                _when(row["head"], int(row["round"]), folder, study) / 60,
                int(row["trials"]) + before / recipe["epochs"],
                row["choice"],
                float(row["regret_bound"] or "nan"),
                metrics[row["head"]]["margin"],
            )


def _when(head: str, number: int, folder: Path, study: Run) -> float:
    """Return when the answer of `head` was printed first after all of its trials of round `number` were evaluated."""
    evaluated = folder.glob(f"eval/{number}/{head}/*/*/metrics.json")
    last = max(study.when(f"{'-'.join(path.parent.parts[-3:])}  test ") for path in evaluated)
    return next(second for second, line in study.lines if second > last and line.startswith(f"{head}: "))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=0, help="trials at once; 0 (default): one per core, at most 4")
    parser.add_argument("--plain", action="store_true", help="run the plain design, too")
    parser.add_argument("overrides", nargs="*", help="choices in Hydra's grammar, such as dataset=composites")
    arguments = parser.parse_args()
    designs = {"rounds": []} | ({"plain": PLAIN} if arguments.plain else {})
    found = [
        answer
        for design, choices in designs.items()
        for answer in answers(design, [*choices, *arguments.overrides], arguments.jobs)
    ]
    table = Table(title="Until the answer", title_justify="left")
    for column in ("design", "head", "round", "minutes", "trainings", "choice", "bound", "margin"):
        table.add_column(column, justify="left" if column in ("design", "head", "choice") else "right")
    for one in found:
        numbers = (f"{one.minutes:.1f}", f"{one.trainings:.0f}", one.choice, f"{one.bound:.4f}", f"{one.margin:.4f}")
        table.add_row(one.design, one.head, str(one.round), *numbers)
    Console().print(table)
    save("answer", {"answers": [asdict(one) for one in found]})


if __name__ == "__main__":
    main()
