"""Which learning rate each loss was trained with, and what the search for it saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loss_study.metrics import HEADLINE
from loss_study.parameters import Parameters
from loss_study.report.labels import Shown, shown
from loss_study.report.results import read_json, rows
from loss_study.trial import Trial


@dataclass(frozen=True)
class Found:
    """One loss's search: the validation metric by learning rate, None where it diverged, and what was chosen.

    `edge` is "lower" or "upper" where the choice is an end of the grid, else "".
    """

    loss: str
    values: dict[float, float | None]
    lr: float
    edge: str


@dataclass(frozen=True)
class HeadSearch:
    """The searches of one head, in the order of the losses."""

    head: str
    metric: Shown
    found: tuple[Found, ...]

    @property
    def on_the_edge(self) -> list[Found]:
        """The losses for which a better learning rate may lie outside the grid."""
        return [one for one in self.found if one.edge]


def searches(parameters: Parameters) -> list[HeadSearch]:
    """Return what ``tuning/`` holds for each head; empty for a recipe without a search."""
    if not parameters.recipe.search.lr:
        return []
    return [
        HeadSearch(head, shown(HEADLINE[head]), tuple(_found(head, parameters.loss.names)))
        for head in parameters.loss.heads
    ]


def _found(head: str, losses: Sequence[str]) -> list[Found]:
    found = []
    for loss in losses:
        folder = Trial(head, loss, 0).tuning_dir
        choice = read_json(folder / "choice.json")
        if choice:
            values = {float(row["lr"]): _value(row) for row in rows(folder / "search.csv")}
            found.append(Found(loss, values, choice["lr"], choice["edge"]))
    return found


def _value(row: dict[str, str]) -> float | None:
    return float(row["validation"]) if row["status"] == "finished" else None
