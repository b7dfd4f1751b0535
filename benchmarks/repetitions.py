"""Does the same study say the same again? ``python benchmarks/repetitions.py 1 2 3``, an hour for every eight.

Repetition k runs the default study, in a temporary clone of the working tree, from twenty other seeds, with another
sample and another seed of the searches; every third one in bfloat16. Adds a row for each head to
docs/results/repetitions.csv: the choice, its bound, and by how much it is worse than the committed study's choice, in
the means of that study (reports/answer.csv). A repetition agrees if that is at most the margin.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from loss_study.statistics.results import read_csv
from study import ROOT, clone, run

COMMITTED = ROOT / "reports" / "answer.csv"
TABLE = ROOT / "docs" / "results" / "repetitions.csv"


def choices(number: int) -> list[str]:
    """Return what repetition `number`, from 1, chooses."""
    seeds = list(range(20 * number, 20 * number + 20))
    other = [f"seeds={seeds}".replace(" ", ""), f"sample.seed={number}", f"recipe.search.seed={1000 + number}"]
    return [*other, "recipe.precision=bfloat16"] if number % 3 == 0 else other


def repetition(number: int, jobs: int) -> list[dict[str, Any]]:
    """Run repetition `number` and return its rows."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        environment = clone(folder, choices(number))
        command = [sys.executable, "-m", "loss_study", "run", "--jobs", str(jobs), "--minutes", "0"]
        run(command, folder, environment)
        found = json.loads((folder / "reports" / "metrics.json").read_text(encoding="utf-8"))
        trials = {row["head"]: row["trials"] for row in read_csv(folder / "reports" / "rounds.csv")}
    return [_row(number, head, found[head], trials[head]) for head in trials]


def _row(number: int, head: str, found: dict[str, Any], trials: str) -> dict[str, Any]:
    first = {row["loss"]: float(row["mean"]) for row in _headline(read_csv(COMMITTED), head)}
    # The committed choice is the first of its table.
    worse = abs(first[found["choice"]] - next(iter(first.values())))
    return {
        "repetition": number,
        "choices": " ".join(choices(number)[1:]),
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
    parser.add_argument("numbers", nargs="+", type=int, help="which repetitions, from 1")
    arguments = parser.parse_args()
    for number in arguments.numbers:
        rows = repetition(number, arguments.jobs)
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
