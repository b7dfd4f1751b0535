"""How much a loss's result varies between seeds, and what a training costs, for any choice of size, epochs, batch, ...

``python benchmarks/seed_noise.py --losses dice,bce,l1 --seeds 5 sample.size=64 recipe.epochs=10``: choices as for
``loss-study compose``, at the default scale's fixed learning rate. Each loss is trained from the same seeds on one
sample, from a parent that is trained at the same rate with ``recipe.parent.epochs=5``; the standard deviation is that
of the seeds' means over the test images, pooled over the losses. It is itself uncertain by about 1 / sqrt(2 losses
(seeds - 1)) of its value. The product of seconds and variance says what an equally sure answer costs: compare it
between two choices that were measured side by side.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from loss_study import datasets, losses
from loss_study.config import Config, composition, load_config
from loss_study.data.packed import PackedSample
from loss_study.evaluation.evaluate import evaluate
from loss_study.evaluation.splits import Splits
from loss_study.evaluation.trained_models import load_model
from loss_study.metrics import headline_of
from loss_study.runtime.errors import run_stage
from loss_study.sampling.pack import pack
from loss_study.training.parent import train_parents
from loss_study.training.run import train_trials
from loss_study.trial import Trial

SAMPLE = Path("data/sample")


@contextmanager
def packed(choices: Sequence[str]) -> Iterator[tuple[Config, PackedSample]]:
    """Work in a temporary folder, with the configuration that `choices` make and its packed sample."""
    with tempfile.TemporaryDirectory() as folder:
        composition.compose(Path(folder) / "params.yaml", choices)
        os.chdir(folder)
        config = load_config()
        SAMPLE.parent.mkdir()
        dataset = datasets.open_dataset(config.dataset.name, Path(config.dataset.path), config.dataset.options)
        pack(dataset, SAMPLE, config.dataset, config.sample)
        yield config, PackedSample.open(SAMPLE)


def score(trial: Trial, config: Config, sample: PackedSample) -> float:
    """Return the headline metric of a trained trial on the test split."""
    output = losses.load(trial.loss, config.options_of(trial.loss)).output
    splits = Splits.of(sample, trial.head, None)
    found = evaluate(load_model(trial.run_dir / "model.pt"), splits, config.recipe.precision, output)
    return found.summary["test"][headline_of(trial.head, sample.classes).name]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--head", default="mask")
    parser.add_argument("--losses", default="dice,bce,l1", help="separated by commas")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("choices", nargs="*")
    arguments = parser.parse_args()
    with packed(["recipe=fixed", *arguments.choices]) as (config, sample):
        metric = headline_of(arguments.head, sample.classes)
        if config.recipe.continues:
            train_parents(arguments.head, sample, config)
        seconds, by_loss = [], {}
        for loss in arguments.losses.split(","):
            values = []
            for seed in range(arguments.seeds):
                trial = Trial(arguments.head, loss, seed)
                started = time.process_time()
                train_trials([trial], config, sample)
                seconds.append(time.process_time() - started)
                values.append(score(trial, config, sample))
            by_loss[loss] = np.array(values)
    for loss, values in by_loss.items():
        print(f"{loss}: {metric.label} {values.mean():.4f}, standard deviation {values.std(ddof=1):.4f}")
    deviation = float(np.sqrt(np.mean([values.var(ddof=1) for values in by_loss.values()])))
    cost = float(np.median(seconds))
    print(f"pooled standard deviation {deviation:.4f}; {cost:.1f} processor seconds a training;", end=" ")
    print(f"seconds times variance {cost * deviation**2:.5f}")


if __name__ == "__main__":
    run_stage(main)
