"""Each loss's own learning rate, found with the same budget for all: a few rates, judged on the validation split.

A single training is a noisy judge of its rate. So the rate comes from a parabola, in the logarithm of the rate, through
the best one and its neighbours: most of the way from the middle one of them to the parabola's vertex, see `peak`.

A combination may leave weights open, too. It is trained as often as every other loss, once with each learning rate; the
weights that go with the rates are drawn so that each of them is tried about equally often (`candidates`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from loss_study.config import Config, FineTune, open_weights
from loss_study.data.packed import PackedSample
from loss_study.metrics import headline_of, is_better, rises
from loss_study.runtime.errors import StudyError
from loss_study.runtime.files import whole_folder, write_csv, write_json
from loss_study.training import choice, distributed
from loss_study.training.choice import OUTSIDE, WEIGHT, Choice
from loss_study.training.device import use_cpu
from loss_study.training.parabola import peak_of
from loss_study.training.run import trained
from loss_study.trial import Trial


@dataclass(frozen=True)
class Tried:
    """A candidate, the validation metric of the epoch that it kept, which one that is, how it ended, and its seconds.

    These are of its epochs without validation.
    """

    candidate: Choice
    validation: float
    kept_epoch: int
    status: str
    seconds: float = 0.0

    @property
    def usable(self) -> bool:
        """Whether it trained to the end, so that its value says what its rate is worth."""
        return self.status == "finished" and math.isfinite(self.validation)

    @property
    def row(self) -> dict[str, Any]:
        """Its line of ``search.csv``."""
        return {
            "lr": self.candidate.lr,
            **{WEIGHT + term: weight for term, weight in self.candidate.weights.items()},
            "validation": self.validation,
            "kept_epoch": self.kept_epoch,
            "status": self.status,
            "seconds": self.seconds,
        }


def choose(until_all_are_written: ExitStack, head: str, loss: str, sample: PackedSample, config: Config) -> Choice:
    """Write ``choice.json``, the learning rate of `loss` on `head` and its open weights, and return them.

    Without a search (``recipe.search.lr`` is empty) the rate is the recipe's own. A search also writes ``search.csv``.

    Args:
        until_all_are_written: the candidates' checkpoints stay until it ends: DVC deletes the choice, too, before it
            runs the stage again.
        head: "mask", "depth" or "joint".
        loss: its name, or that of the joint training.
        sample: the packed sample.
        config: of the study.

    Raises:
        StudyError: no candidate trained to a finite metric.
    """
    search = config.recipe.search
    trial = Trial(head, loss, search.seed)
    if not search.lr:
        if distributed.is_first():
            choice.write_recipes_own(head, loss, config.recipe.optimizer.lr)
    else:
        grid = open_weights(config.loss_options.get(loss, {}))
        use_cpu(config.recipe.threads)
        tried = [
            try_candidate(until_all_are_written, trial, candidate, sample, config)
            for candidate in candidates(search.lr, grid, search.seed)
        ]
        if distributed.is_first():
            _write(trial, config, sample.classes, grid, tried)
    return distributed.from_first(choice.read, trial)


def candidates(rates: Sequence[float], weights: Mapping[str, Sequence[float]], seed: int) -> list[Choice]:
    """Return as many candidates as there are `rates`, each rate once, whatever the number of weights to choose from.

    `weights` are the grids of the terms that have one. Rates and weights stand in a centred Latin hypercube (McKay,
    Beckman and Conover, 1979), which `seed` draws: of every grid each part is tried equally often, and every weight at
    least once if there are no more of it than rates.
    """
    if not weights:
        return [Choice(lr) for lr in rates]
    # Importing it takes more than a second, which only a search of weights needs.
    from scipy.stats import qmc  # noqa: PLC0415

    hypercube = qmc.LatinHypercube(1 + len(weights), scramble=False, rng=seed, optimization="random-cd")
    points = hypercube.random(len(rates))
    found = []
    for first, *others in points[points[:, 0].argsort()]:
        chosen = {term: _at(grid, share) for (term, grid), share in zip(weights.items(), others, strict=True)}
        found.append(Choice(_at(rates, first), chosen))
    return found


def _at(grid: Sequence[float], share: float) -> float:
    """Return the value of `grid` at `share` of its length, 0 up to 1."""
    return grid[int(share * len(grid))]


def try_candidate(
    until_all_are_written: ExitStack, trial: Trial, candidate: Choice, sample: PackedSample, config: Config
) -> Tried:
    """Train one candidate; its checkpoint stays until all is written."""
    config = choice.applied(config, trial.loss, candidate)
    # The search judges the first phase; fine-tuning goes on from the rate that it finds.
    recipe = config.recipe.model_copy(update={"epochs": config.recipe.search.epochs, "fine_tune": FineTune()})
    config = config.model_copy(update={"recipe": recipe})
    values = " ".join(f"{value:g}" for value in (candidate.lr, *candidate.weights.values()))
    title = f"{trial.head}-{trial.loss} at {values}"
    outcome, _ = until_all_are_written.enter_context(trained(trial, sample, config, title))
    seconds = sum(row["seconds"] for row in outcome.history)
    return Tried(candidate, outcome.kept_validation, outcome.kept_epoch, outcome.status, seconds)


def _write(
    trial: Trial, config: Config, classes: int, grid: Mapping[str, Sequence[float]], tried: Sequence[Tried]
) -> None:
    search = config.recipe.search
    chosen = best(trial.head, tried)
    lr, side = (chosen.candidate.lr, edge(chosen.candidate.lr, search.lr)) if grid else peak(trial.head, tried, chosen)
    weights = chosen.candidate.weights
    record = {
        "head": trial.head,
        "loss": trial.loss,
        "lr": lr,
        "metric": headline_of(trial.head, classes).name,
        "validation": chosen.validation,
        "edge": side,
        "budget": {"candidates": len(tried), "epochs": search.epochs, "seed": search.seed},
        "weights": dict(weights),
        "weight_edges": {term: edge(weight, grid[term]) for term, weight in weights.items()},
    }
    columns = ["lr", *(WEIGHT + term for term in grid), "validation", "kept_epoch", "status", "seconds"]
    with whole_folder(trial.tuning_dir) as folder:
        write_json(folder / choice.FILE, record)
        write_csv(folder / "search.csv", [one.row for one in tried], columns)
    print(f"{trial.head}-{trial.loss}  {_words(record)}", flush=True)


def _words(record: Mapping[str, Any]) -> str:
    parts = [f"learning rate {record['lr']:g}{_remark(record['edge'])}"]
    for term, weight in record["weights"].items():
        parts.append(f"weight of {term} {weight:g}{_remark(record['weight_edges'][term])}")
    return "; ".join(parts)


def _remark(edge: str) -> str:
    return f", a better one may lie {OUTSIDE[edge]} the grid" if edge else ""


def best(head: str, tried: Sequence[Tried]) -> Tried:
    """Return the one with the best validation metric of those that did not diverge; StudyError if all did."""
    finished = [one for one in tried if one.usable]
    if not finished:
        rates = [one.candidate.lr for one in tried]
        raise StudyError(f"recipe.search.lr: {head} diverged with every one of {rates}; go lower")
    chosen = finished[0]
    for one in finished[1:]:
        if is_better(head, one.validation, chosen.validation):
            chosen = one
    return chosen


def peak(head: str, tried: Sequence[Tried], chosen: Tried) -> tuple[float, str]:
    """Return the learning rate that the values of `tried` point to, and at which `edge` of their rates the vertex is.

    A parabola through `chosen`, the best of `tried`, and its neighbours, see `parabola`. The rate is within the rates
    that were tried. Where there are no three, or one of them diverged, it is the rate of `chosen`.
    """
    rates = [one.candidate.lr for one in tried]
    start = min(max(tried.index(chosen) - 1, 0), len(tried) - 3)
    three = tried[start : start + 3] if start >= 0 else []
    if not all(one.usable for one in three) or not any(one.validation for one in three):
        return chosen.candidate.lr, edge(chosen.candidate.lr, rates)
    sign = 1 if rises(head) else -1
    rate, vertex = peak_of([one.candidate.lr for one in three], [sign * one.validation for one in three])
    return min(max(rate, rates[0]), rates[-1]), edge(vertex, rates)


def edge(value: float, grid: Sequence[float]) -> str:
    """Return "lower" or "upper" if `value` is an end of `grid` or beyond: a better one may lie there; else ""."""
    if len(grid) == 1 or grid[0] < value < grid[-1]:
        return ""
    return "lower" if value <= grid[0] else "upper"
