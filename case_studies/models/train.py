"""Train and test one model from every seed: ``python models/train.py segnet``.

Reads data/models/, writes models/results/<dataset>/<model>.csv with a row for each seed.
"""

from __future__ import annotations

import argparse
from typing import Any

import plan

from loss_study import losses, models
from loss_study.config import Config
from loss_study.data.packed import PackedSample
from loss_study.evaluation.evaluate import evaluate
from loss_study.evaluation.splits import Splits
from loss_study.runtime.errors import run_stage
from loss_study.runtime.files import write_csv
from loss_study.training.device import use_cpu
from loss_study.training.run import trained
from loss_study.trial import Trial, trials

COLUMNS = (
    "model", "seed", "status", "epoch", "parameters", "trainable", "seconds", "images_per_second",
    "iou", "iou_dataset", "pixel_accuracy",
)  # fmt: skip


def main() -> None:
    """Parse the model, train, test, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    name = parser.parse_args().model
    chosen = plan.load()
    parameters = chosen.parameters(name)
    sample = PackedSample.open(plan.SAMPLE)
    use_cpu(parameters.recipe.threads)
    first = next(trial for trial in trials(parameters) if trial.head == "mask")
    rows = [row(name, Trial(first.head, first.loss, seed), sample, parameters) for seed in chosen.seeds]
    results = plan.HERE / "results" / chosen.dataset
    results.mkdir(parents=True, exist_ok=True)
    write_csv(results / f"{name}.csv", rows, COLUMNS)


def row(name: str, trial: Trial, sample: PackedSample, config: Config) -> dict[str, Any]:
    """Train and test one trial with the study's own loop and metrics."""
    choice, recipe = config.model, config.recipe
    with trained(trial, sample, config, f"{name} {trial.name}", on_epoch=lambda _: None) as (outcome, options):
        model = models.blank(choice.name, sample.in_channels, [trial.head], classes=sample.classes, **choice.options)
        model.load_state_dict(outcome.weights)
        splits, output = Splits.of(sample, trial.head), losses.load(trial.loss, options).output
        found = evaluate(model, splits, recipe.precision, output)
    test = found.summary["test"]
    seconds = sum(epoch["seconds"] for epoch in outcome.history)
    images = len(outcome.history) * len(sample.rows("train"))
    return {
        "model": name,
        "seed": trial.seed,
        "status": outcome.status,
        "epoch": outcome.kept_epoch,
        "parameters": outcome.parameters,
        "trainable": outcome.trainable_parameters,
        "seconds": round(seconds, 1),
        "images_per_second": round(images / seconds, 1),
        **{metric: round(test[metric], 4) for metric in ("iou", "iou_dataset", "pixel_accuracy")},
    }


if __name__ == "__main__":
    run_stage(main)
