"""Train all recipes that have no result yet: ``python original/train.py --minutes 60``, as often as is needed.

Reads data/replay/, adds a row for each training to original/results/<dataset>.csv. A row whose configuration is not
that of params.yaml any more is left out, and its recipe is trained again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path

import plan
import pool
import torch
from measure import AUGMENTED, COLLAPSE, MEASURES, REGIONS, Tests
from plan import Experiment, Plan, Recipe, Training
from pool import Row

from loss_study import losses, models
from loss_study.config import Augmentation, Config
from loss_study.data.packed import PackedSample
from loss_study.heads import HEADS, JOINT
from loss_study.runtime.errors import run_stage
from loss_study.statistics.results import read_csv
from loss_study.training.device import use_cpu
from loss_study.training.run import trained
from loss_study.trial import Trial

#: Which training a row is; between stands a column for each mistake, 1 where the recipe makes it.
IDENTITY = ("head", "loss", "seed")
DIGEST = "digest"
OUTCOME = (
    "status", "seconds", "epoch",
    *(name + suffix for name in MEASURES[JOINT] for suffix in ("", AUGMENTED)),
    "threshold", *COLLAPSE.values(), "answer", *(f"answer_{region}" for region in REGIONS),
)  # fmt: skip

#: A method of `Tests` that measures a network.
Measure = Callable[[Tests, torch.nn.Module, str, losses.Output], Row]


def main() -> None:
    """Train what is missing, for as long as there is time."""
    chosen = plan.load()
    path = results(chosen)
    rows = current(chosen, read_csv(path))
    pool.train_all(missing(chosen, rows), partial(train, chosen), path, rows, columns(chosen), __doc__)


def results(chosen: Plan) -> Path:
    """Return where the rows are."""
    return plan.HERE / "results" / f"{chosen.dataset}.csv"


def columns(chosen: Plan) -> list[str]:
    """Return the names of the columns."""
    return [*IDENTITY, *chosen.mistakes, DIGEST, *OUTCOME]


def missing(chosen: Plan, rows: Sequence[Row]) -> list[Training]:
    """Return the trainings without a row, in their order."""
    there = {_key(chosen, row) for row in rows}
    return [one for one in chosen.trainings() if _key(chosen, identity(chosen, one)) not in there]


def current(chosen: Plan, rows: Sequence[Row]) -> list[Row]:
    """Return the rows of trainings that params.yaml still asks for, in their order."""
    of_key = {_key(chosen, row): row for row in rows}
    keys = [_key(chosen, identity(chosen, one)) for one in chosen.trainings()]
    return [of_key[one] for one in keys if one in of_key]


def identity(chosen: Plan, training: Training) -> Row:
    """Return the columns that say which training a row is."""
    experiment = training.experiment
    made = {name: int(name in training.recipe) if name in experiment.factors else "" for name in chosen.mistakes}
    own = {"head": experiment.head, "loss": experiment.loss, "seed": training.seed}
    return {**own, **made, DIGEST: chosen.digest(experiment, training.recipe)}


def _key(chosen: Plan, row: Row) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in (*IDENTITY, *chosen.mistakes, DIGEST))


def train(chosen: Plan, training: Training) -> Row:
    """Return the row of `training`, made with the study's own loop and metrics."""
    config = _config(training.experiment, training.recipe)
    title = f"{training.trial.name} {' '.join(sorted(training.recipe)) or 'no mistake'}"
    sample = PackedSample.open(plan.sample_folder(config.sample))
    return identity(chosen, training) | train_and_measure(training.trial, sample, config, title, Tests.measure)


def train_and_measure(trial: Trial, sample: PackedSample, config: Config, title: str, measure: Measure) -> Row:
    """Train one network on `sample` and return its status, seconds and epoch, and what `measure` says of it.

    It is measured on the images and targets in the sample's folder.
    """
    recipe, choice = config.recipe, config.model
    use_cpu(recipe.threads)
    heads = HEADS if trial.head == JOINT else (trial.head,)
    augmentation = recipe.augmentation.model_dump_json()
    measured: Row = {}
    with trained(trial, sample, config, title) as (outcome, options):
        model = models.build(choice.name, sample.in_channels, heads, **choice.options)
        model.load_state_dict(outcome.weights)
        model.to(memory_format=torch.channels_last)
        for head in heads:
            own = options[head] if trial.head == JOINT else {"loss": trial.loss, "options": options}
            output = losses.load(own["loss"], own["options"]).output
            measured |= measure(_tests(sample.folder, head, augmentation), model, recipe.precision, output)
    seconds = round(sum(epoch["seconds"] for epoch in outcome.history), 1)
    return {"status": outcome.status, "seconds": seconds, "epoch": outcome.kept_epoch, **measured}


@cache
def _config(experiment: Experiment, recipe: Recipe) -> Config:
    return plan.load().parameters(experiment, recipe)


@cache
def _tests(folder: Path, head: str, augmentation: str) -> Tests:
    return Tests(PackedSample.open(folder), head, Augmentation.model_validate_json(augmentation))


if __name__ == "__main__":
    run_stage(main)
