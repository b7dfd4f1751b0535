"""Which learning rate and which weights the search chose for each loss, and the validation metric of each candidate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from loss_study.config import Config
from loss_study.heads import JOINT
from loss_study.metrics import Metric, headline_of
from loss_study.statistics.results import read_csv, read_json
from loss_study.training.choice import OUTSIDE, WEIGHT
from loss_study.trial import Trial


@dataclass(frozen=True)
class Found:
    """One loss's search.

    Attributes:
        loss: which loss.
        values: validation metric by learning rate; None where it diverged.
        best: the rate with the best value.
        lr: the learning rate that was chosen.
        weights: by learning rate, the weights that a combination was tried with, in words.
        edges: everything for which the search points beyond its grid, in words.
        seconds: training time of all candidates.
    """

    loss: str
    values: dict[float, float | None]
    best: float
    lr: float
    weights: dict[float, str] = field(default_factory=dict)
    edges: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class HeadSearch:
    """The searches of one head, in the order of the losses."""

    head: str
    metric: Metric
    found: tuple[Found, ...]

    @property
    def on_the_edge(self) -> list[Found]:
        """The losses for which the search points beyond a grid."""
        return [one for one in self.found if one.edges]

    @property
    def with_weights(self) -> bool:
        """Whether weights were searched, too."""
        return any(any(one.weights.values()) for one in self.found)


def finding(config: Config, found: Sequence[HeadSearch]) -> str:
    """Return how the learning rates were chosen, and for how many the fitted peak lies outside of the grid."""
    if not found:
        return f"The same for all losses: {config.recipe.optimizer.lr:g}."
    searched = sum(len(search.found) for search in found)
    ends = sum(len(search.on_the_edge) for search in found)
    return f"Searched for each loss; for {ends} of {searched} the search points beyond its grid."


def searches(config: Config) -> list[HeadSearch]:
    """Return what ``tuning/`` holds for each head and for joint trainings; empty for a recipe without a search."""
    if not config.recipe.search.lr:
        return []
    names = dict.fromkeys(config.loss.heads, config.losses) | {JOINT: config.joint.names}
    classes = config.dataset.classes
    return [
        HeadSearch(head, headline_of(head, classes), tuple(_found(head, of_head)))
        for head, of_head in names.items()
        if of_head
    ]


def _found(head: str, losses: Sequence[str]) -> list[Found]:
    found = []
    for loss in losses:
        folder = Trial(head, loss, 0).tuning_dir
        choice = read_json(folder / "choice.json")
        if choice:
            tried = read_csv(folder / "search.csv")
            values = {float(row["lr"]): _value(row) for row in tried}
            weights = {float(row["lr"]): _weights(row) for row in tried}
            known = {lr: value for lr, value in values.items() if value is not None}
            best = min(known, key=lambda lr: abs(known[lr] - choice["validation"]))
            seconds = sum(float(row["seconds"]) for row in tried)
            edges = tuple(_edges(choice))
            found.append(Found(loss, values, best, choice["lr"], weights, edges, seconds))
    return found


def _weights(row: Mapping[str, str]) -> str:
    searched = (name for name in row if name.startswith(WEIGHT))
    return ", ".join(f"{name.removeprefix(WEIGHT)} {float(row[name]):g}" for name in searched)


def _edges(choice: Mapping[str, Any]) -> Iterator[str]:
    if choice["edge"]:
        yield f"learning rate {OUTSIDE[choice['edge']]}, {choice['lr']:g} was used"
    for term, edge in choice["weight_edges"].items():
        if edge:
            yield f"weight of {term} {OUTSIDE[edge]}, {choice['weights'][term]:g} was used"


def _value(row: dict[str, str]) -> float | None:
    return float(row["validation"]) if row["status"] == "finished" else None
