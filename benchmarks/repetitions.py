"""Does the same study say the same again? ``python benchmarks/repetitions.py 1 2 3``, 7 to 12 minutes each.

Repetition k is the default study, in a temporary clone of the working tree, from twenty other seeds, with another
sample and another seed of the searches; every third one in bfloat16. Repetition 0 is the default study itself. Its
stages run without DVC and MLflow, a process each, which changes no number.

Adds a row for each head to docs/results/repetitions.csv: the choice, its bound, and by how much it is worse than the
committed study's choice, in the means of that study (reports/answer.csv). A repetition agrees if that is at most the
margin.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loss_study.orchestration.local import at_once
from loss_study.statistics.results import read_csv
from study import ROOT, clone, run

COMMITTED = ROOT / "reports" / "answer.csv"
#: Nothing answers there, so `compare` warns and goes on.
NO_MLFLOW = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}
TABLE = ROOT / "docs" / "results" / "repetitions.csv"


def choices(number: int) -> list[str]:
    """Return what repetition `number` chooses."""
    if number == 0:
        return []
    seeds = list(range(20 * number, 20 * number + 20))
    other = [f"seeds={seeds}".replace(" ", ""), f"sample.seed={number}", f"recipe.search.seed={1000 + number}"]
    return [*other, "recipe.precision=bfloat16"] if number % 3 == 0 else other


def repetition(number: int, jobs: int) -> list[dict[str, Any]]:
    """Run repetition `number` and return its rows."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        Stages(folder, clone(folder, choices(number)) | NO_MLFLOW, jobs).run_all()
        found = json.loads((folder / "reports" / "metrics.json").read_text(encoding="utf-8"))
        trials = {row["head"]: row["trials"] for row in read_csv(folder / "reports" / "rounds.csv")}
    return [_row(number, head, found[head], trials[head]) for head in trials]


@dataclass(frozen=True)
class Stages:
    """The stages of the study in `folder`, as commands, `jobs` trainings at once."""

    folder: Path
    environment: dict[str, str]
    jobs: int

    def run_all(self) -> None:
        """Run the study to its decision."""
        for stage in ("check", "download", "inspect_data", "sample"):
            self._run(stage)
        number = 1
        while losses := self._training(number):
            heads = list(dict.fromkeys(head for head, _ in losses))
            if number == 1:
                self._at_once([("parent", head) for head in heads])
            self._at_once([("train", *one, "--round", str(number)) for one in losses])
            self._at_once([("evaluate", head, "--round", str(number)) for head in heads])
            number += 1
            self._run("decide", str(number))
        self._run("compare")

    def _training(self, number: int) -> list[tuple[str, str]]:
        """Return head and loss of what trains in round `number`."""
        decisions = sorted((self.folder / "decisions" / str(number)).glob("*/*.json"))
        return [(path.parent.name, path.stem) for path in decisions if json.loads(path.read_text())["seeds"]]

    def _at_once(self, stages: list[tuple[str, ...]]) -> None:
        with ThreadPoolExecutor(self.jobs) as pool:
            list(pool.map(lambda stage: self._run(*stage), stages))

    def _run(self, stage: str, *arguments: str) -> None:
        run([sys.executable, f"stages/{stage}.py", *arguments], self.folder, self.environment)


def _row(number: int, head: str, found: dict[str, Any], trials: str) -> dict[str, Any]:
    first = {row["loss"]: float(row["mean"]) for row in _headline(read_csv(COMMITTED), head)}
    # The committed choice is the first of its table.
    worse = abs(first[found["choice"]] - next(iter(first.values())))
    return {
        "repetition": number,
        "choices": " ".join(choices(number)[1:]) or "the default",
        "head": head,
        **{key: found[key] for key in ("choice", "regret_bound", "margin", "decided")},
        "trials": trials,
        "worse_by": round(worse, 6),
        "agrees": worse <= found["margin"],
    }


def _headline(rows: list[dict[str, str]], head: str) -> list[dict[str, str]]:
    of_head = [row for row in rows if row["head"] == head]
    return [row for row in of_head if row["metric"] == of_head[0]["metric"] and row["mean"]]


def main() -> None:
    """Run the repetitions, and add each to the table as soon as it is over."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=0, help="trials at once; 0 (default): one per core, at most 4")
    parser.add_argument("numbers", nargs="+", type=int, help="which repetitions")
    arguments = parser.parse_args()
    for number in arguments.numbers:
        rows = repetition(number, at_once(arguments.jobs))
        new = not TABLE.exists()
        TABLE.parent.mkdir(parents=True, exist_ok=True)
        with TABLE.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            if new:
                writer.writeheader()
            writer.writerows(rows)
        for row in rows:
            print(*row.values(), flush=True)


if __name__ == "__main__":
    main()
