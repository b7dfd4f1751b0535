"""The section of docs/results.md on repetitions of the default study: docs/results/repetitions.csv as a table.

The table's rows are those of ``benchmarks/repetitions.py``, one for each repetition and head; repetition 0 is the
default study itself and is left out.
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from loss_study.heads import HEADS
from loss_study.metrics import HEADLINE, find
from loss_study.statistics.results import read_csv
from loss_study.statistics.sentences import at_most

Row = dict[str, str]


def section(table: Path) -> list[str]:
    """Return the section's lines; none without a repetition."""
    rows = [row for row in read_csv(table) if row["repetition"] != "0"] if table.exists() else []
    rows.sort(key=lambda row: int(row["repetition"]))
    found = [list(of_one) for _, of_one in groupby(rows, key=lambda row: row["repetition"])]
    if not found:
        return []
    agreeing = sum(all(row["agrees"] == "True" for row in of_one) for of_one in found)
    numbers = " ".join(of_one[0]["repetition"] for of_one in found)
    lines = ["", "### The default study again", "", "```sh", f"python benchmarks/repetitions.py {numbers}", "```", ""]
    lines += [
        "From twenty other seeds, with another sample and another seed of the searches; every third repetition in "
        "bfloat16. A repetition agrees with the default study on a head where its choice is, in the default study's "
        "means, no more than the margin worse than the default study's own. "
        f"On both heads {agreeing} of {len(found)} do.",
        "",
        "| repetition | "
        + " | ".join(f"{head}: choice | no compared one is better by more than | worse by" for head in HEADS)
        + " |",
        "|---" * (1 + 3 * len(HEADS)) + "|",
    ]
    return lines + [
        f"| {_name(of_one[0])} | {' | '.join(_cells(of_one, head) for head in HEADS)} |" for of_one in found
    ]


def _name(row: Row) -> str:
    return f"{row['repetition']}, bfloat16" if "bfloat16" in row["choices"] else row["repetition"]


def _cells(rows: list[Row], head: str) -> str:
    row = next(row for row in rows if row["head"] == head)
    metric = find(HEADLINE[head])
    bound = metric.with_unit(at_most(metric, float(row["regret_bound"])))
    open_ = "" if row["decided"] == "True" else ", not decided"
    return f"`{row['choice']}` | {bound}{open_} | {metric.show(float(row['worse_by']))}"
