"""The studies whose results are committed: each folder of docs/results/ with a study.yaml is one.

    title: photographs, joint trainings           # its name in docs/results.md
    command: make study CHOICES="..."             # what made it
    joint:                                        # its joint trainings, as joint.options has them; may be missing
      joint_equal: {mask: dice, depth: ssim}

Beside it lies answer.csv from reports/; with `joint` also pairs.csv and, for the seconds, compare.csv.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import mean

import yaml

from loss_study.heads import HEADS
from loss_study.metrics import find
from loss_study.statistics.results import read_csv

Row = dict[str, str]


@dataclass(frozen=True)
class Study:
    """A study: its folder, its title, its command, and the losses of its joint trainings by name and head."""

    folder: Path
    title: str
    command: str
    joint: Mapping[str, Mapping[str, str]]

    @cached_property
    def rows(self) -> list[Row]:
        """The rows of answer.csv on the metrics that rank the heads."""
        return [row for head in HEADS for row in of_head(read_csv(self.folder / "answer.csv"), head)]

    @property
    def heads(self) -> list[str]:
        """The heads that it has."""
        return [head for head in HEADS if any(row["head"] == head for row in self.rows)]

    def row(self, head: str, loss: str) -> Row | None:
        """The row of a loss; None where the study has none."""
        return next((row for row in self.rows if (row["head"], row["loss"]) == (head, loss)), None)

    @cached_property
    def pairs(self) -> list[Row]:
        """The rows of pairs.csv on the metrics that rank the heads."""
        ranked = {(row["head"], row["metric"]) for row in self.rows}
        return [row for row in read_csv(self.folder / "pairs.csv") if (row["head"], row["metric"]) in ranked]

    def gain(self, head: str, name: str, loss: str) -> tuple[float, float, float] | None:
        """By how much a joint training is better than separate networks with `loss`, and the interval, if known."""
        for pair in self.pairs:
            if pair["head"] == head and {pair["better"], pair["worse"]} == {name, loss}:
                sign = (1 if pair["better"] == name else -1) * (
                    -1 if find(pair["metric"]).higher_is_better is False else 1
                )
                low, high = sorted(sign * float(pair[end]) for end in ("low", "high"))
                return sign * float(pair["difference"]), low, high
        return None

    def seconds(self, head: str, loss: str) -> float | None:
        """The mean seconds of a training that finished; None where compare.csv does not say."""
        path = self.folder / "compare.csv"
        rows = read_csv(path)
        found = [
            float(row["seconds"])
            for row in rows
            if (row["head"], row["loss"], row["status"]) == (head, loss, "finished") and row["seconds"]
        ]
        return mean(found) if found else None


def studies(results: Path) -> Iterator[Study]:
    """Yield the studies in the folders of `results`, by the names of the folders."""
    for path in sorted(results.glob("*/study.yaml")):
        about = yaml.safe_load(path.read_text(encoding="utf-8"))
        yield Study(path.parent, about["title"], about["command"], about.get("joint", {}))


def of_head(rows: list[Row], head: str) -> list[Row]:
    """Return the rows of `head` on the metric that ranks it, which stands first."""
    found = [row for row in rows if row["head"] == head]
    return [row for row in found if row["metric"] == found[0]["metric"]]
