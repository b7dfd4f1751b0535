"""Train and evaluate all trials of one variant: ``python original/replay.py flip_apart``.

Reads data/replay/, writes original/results/<dataset>/<variant>.csv with a row for each trial, and
original/figures/<dataset>-<variant>.png with predictions.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import numpy as np
import panel
import variants

from loss_study.config import Config
from loss_study.data.packed import PackedSample
from loss_study.metrics import AT_BEST
from loss_study.runtime.errors import run_stage
from loss_study.runtime.files import write_csv
from loss_study.runtime.processes import end_with_pool
from loss_study.trial import Trial

#: ``value`` is the head's metric on the test split, ``augmented`` the same on the test split augmented as in training.
COLUMNS = ("variant", "head", "loss", "seed", "status", "verdict", "value", "at_best", "augmented", "epoch", "seconds")


@dataclass(frozen=True)
class Replayed:
    """A trial's row, and its predictions of the panel's `images`, uint8 (P, H, W)."""

    row: dict[str, Any]
    images: list[int]
    predictions: np.ndarray


def main() -> None:
    """Parse the variant, run its trials, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("variant")
    plan = variants.load()
    variant = plan.variant(parser.parse_args().variant)
    composed = {
        (head, loss): plan.parameters(variant, head, loss)
        for head, loss in dict.fromkeys((trial.head, trial.loss) for trial in variant.trials)
    }
    jobs = [(variant.name, trial, composed[trial.head, trial.loss]) for trial in variant.trials]
    with ProcessPoolExecutor(plan.jobs, get_context("spawn"), initializer=end_with_pool) as pool:
        replayed = list(pool.map(replay, *zip(*jobs, strict=True)))
    sample = PackedSample.open(variants.sample_folder(jobs[0][2].sample))
    _write(plan.dataset, variant.name, replayed, sample)


def replay(variant: str, trial: Trial, config: Config) -> Replayed:
    """Train and evaluate one trial with the study's own loop and metrics."""
    from loss_study import losses, models  # noqa: PLC0415 -- torch is needed in the worker processes only
    from loss_study.evaluation.evaluate import evaluate  # noqa: PLC0415
    from loss_study.evaluation.splits import Splits  # noqa: PLC0415
    from loss_study.training.device import use_cpu  # noqa: PLC0415
    from loss_study.training.run import trained  # noqa: PLC0415

    recipe, choice, head = config.recipe, config.model, trial.head
    sample = PackedSample.open(variants.sample_folder(config.sample))
    use_cpu(recipe.threads)
    title = f"{variant} {trial.name}"
    with trained(trial, sample, config, title, on_epoch=lambda _: None) as (outcome, options):
        model = models.build(choice.name, sample.in_channels, [head], **choice.options)
        model.load_state_dict(outcome.weights)
        output = losses.load(trial.loss, options).output
        found = evaluate(model, Splits.of(sample, head), recipe.precision, output)
        augmented = evaluate(model, Splits.of(sample, head, recipe.augmentation), recipe.precision, output).summary
    metric, summary = variants.METRICS[head], found.summary
    row = {
        "variant": variant,
        "head": head,
        "loss": trial.loss,
        "seed": trial.seed,
        "status": outcome.status,
        "verdict": summary["verdict"],
        "value": round(summary["test"][metric], 6),
        "at_best": round(summary["test"].get(metric + AT_BEST, summary["test"][metric]), 6),
        "augmented": round(augmented["test"][metric], 6),
        "epoch": outcome.best_epoch,
        "seconds": round(sum(epoch["seconds"] for epoch in outcome.history), 1),
    }
    return Replayed(row, summary["panel"], found.panel)


def _write(dataset: str, variant: str, replayed: Sequence[Replayed], sample: PackedSample) -> None:
    results = variants.HERE / "results" / dataset / f"{variant}.csv"
    figure = variants.HERE / "figures" / f"{dataset}-{variant}.png"
    for path in (results, figure):
        path.parent.mkdir(parents=True, exist_ok=True)
    first = [one for one in replayed if one.row["seed"] == replayed[0].row["seed"]]
    panel.save(figure, sample, [(one.row["head"], one.row["loss"], one.predictions) for one in first], first[0].images)
    write_csv(results, [one.row for one in replayed], COLUMNS)


if __name__ == "__main__":
    run_stage(main)
