"""Each loss's own learning rate, found with the same budget for all: a grid, judged on the validation split.

This module imports torch only to search, so that a recipe without a search costs next to nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from loss_study.data.packed import PackedSample
from loss_study.errors import StudyError
from loss_study.metrics import HEADLINE, is_better
from loss_study.parameters import Parameters, Recipe
from loss_study.trial import Trial
from loss_study.writing import whole_folder, write_csv, write_json

SEARCH_COLUMNS = ("lr", "validation", "best_epoch", "status")


@dataclass(frozen=True)
class Candidate:
    """A learning rate of the grid: the best validation metric that it reached, in which epoch, and how it ended."""

    lr: float
    validation: float
    best_epoch: int
    status: str


def tune(trial: Trial, sample: Path, parameters: Parameters) -> None:
    """Find the learning rate of the trial's head and loss and write ``tuning/<head>-<loss>/``.

    Without a search it is ``recipe.optimizer.lr``. `trial` has the search's seed, not one of the study's.

    Raises:
        StudyError: no candidate trained to a finite metric.
    """
    with ExitStack() as until_written:
        candidates = [_try(until_written, trial, lr, sample, parameters) for lr in parameters.recipe.search.lr]
        _write(trial, parameters.recipe, candidates)


def _write(trial: Trial, recipe: Recipe, candidates: Sequence[Candidate]) -> None:
    chosen = best(trial.head, candidates) if candidates else None
    choice = {
        "head": trial.head,
        "loss": trial.loss,
        "lr": chosen.lr if chosen else recipe.optimizer.lr,
        "searched": bool(candidates),
        "metric": HEADLINE[trial.head],
        "validation": chosen.validation if chosen else None,
        "edge": edge(chosen.lr, recipe.search.lr) if chosen else "",
        "budget": {"candidates": len(candidates), "epochs": recipe.search.epochs, "seed": recipe.search.seed},
    }
    with whole_folder(trial.tuning_dir) as folder:
        write_json(folder / "choice.json", choice)
        write_csv(folder / "search.csv", [asdict(candidate) for candidate in candidates], SEARCH_COLUMNS)
    if chosen:
        remark = f", at the {choice['edge']} edge of the grid" if choice["edge"] else ""
        print(f"{_name(trial)}  learning rate {chosen.lr:g}{remark}", flush=True)


def best(head: str, candidates: Sequence[Candidate]) -> Candidate:
    """Return the candidate with the best validation metric; StudyError if none has a finite one."""
    finite = [candidate for candidate in candidates if math.isfinite(candidate.validation)]
    if not finite:
        raise StudyError(f"recipe.search.lr: {head} diverged with every one of {[c.lr for c in candidates]}; go lower")
    chosen = finite[0]
    for candidate in finite[1:]:
        if is_better(head, candidate.validation, chosen.validation):
            chosen = candidate
    return chosen


def edge(lr: float, grid: Sequence[float]) -> str:
    """Return "lower" or "upper" if `lr` is an end of `grid`, so that a better one may lie outside, else ""."""
    if len(grid) > 1 and lr in (grid[0], grid[-1]):
        return "lower" if lr == grid[0] else "upper"
    return ""


def tuned(trial: Trial, recipe: Recipe) -> Recipe:
    """Return `recipe` with the learning rate that the search chose, where it has a search.

    Raises:
        StudyError: the search has not run.
    """
    if not recipe.search.lr:
        return recipe
    path = trial.tuning_dir / "choice.json"
    try:
        lr = json.loads(path.read_text(encoding="utf-8"))["lr"]
    except FileNotFoundError:
        raise StudyError(f"{path}: not there; run 'dvc repro tune@{trial.head}-{trial.loss}'") from None
    return recipe.model_copy(update={"optimizer": recipe.optimizer.model_copy(update={"lr": lr})})


def _name(trial: Trial) -> str:
    return f"{trial.head}-{trial.loss}"


def _try(until_written: ExitStack, trial: Trial, lr: float, sample: Path, parameters: Parameters) -> Candidate:
    """Train with one learning rate; its checkpoint stays until the whole search is written."""
    from loss_study.training.device import use_threads  # noqa: PLC0415
    from loss_study.training.trial_run import trained  # noqa: PLC0415

    recipe = parameters.recipe
    use_threads(recipe.threads)
    optimizer = recipe.optimizer.model_copy(update={"lr": lr})
    candidate = recipe.model_copy(update={"optimizer": optimizer, "epochs": recipe.search.epochs})
    title = f"{_name(trial)} at {lr:g}"
    training = trained(trial, PackedSample.open(sample), parameters, candidate, title, on_epoch=lambda _: None)
    outcome, _ = until_written.enter_context(training)
    return Candidate(lr, outcome.best_validation, outcome.best_epoch, outcome.status)
