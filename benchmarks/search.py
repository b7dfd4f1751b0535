"""What the search for learning rates costs a loss: ``python benchmarks/search.py [--head depth --losses ssim,rmse]``.

Trains each loss at five rates from several seeds, at the default scale; a parabola in the logarithm of the rate through
these results says how good every rate is. Then searches as the study does, from several search seeds and with several
numbers of epochs. The regret of a search is the parabola's height at its vertex less that at the rate found, in the
unit of the metric, never below 0. It is uncertain by about the standard error of the results, which is printed beside.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from contextlib import ExitStack
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from loss_study import composition, datasets, losses
from loss_study.config import Config, load_config
from loss_study.data.packed import PackedSample
from loss_study.evaluation.evaluate import evaluate
from loss_study.evaluation.splits import Splits
from loss_study.evaluation.trained_models import load_model
from loss_study.metrics import headline_of, rises
from loss_study.runtime.errors import run_stage
from loss_study.sampling.pack import pack
from loss_study.training.choice import Choice, applied
from loss_study.training.run import train_trials
from loss_study.training.search import best, peak, try_candidate
from loss_study.trial import Trial

SAMPLE = Path("data/sample")
RATES = (0.004, 0.009, 0.02, 0.045, 0.1)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--head", default="mask")
    parser.add_argument("--losses", default="dice,bce,l1", help="separated by commas")
    parser.add_argument("--seeds", type=int, default=3, help="for each rate, and searches")
    parser.add_argument("--epochs", default="1,2,3", help="of a training of the search, separated by commas")
    parser.add_argument("choices", nargs="*")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        composition.compose(Path(folder) / "params.yaml", arguments.choices)
        os.chdir(folder)
        config = load_config()
        SAMPLE.parent.mkdir()
        dataset = datasets.open_dataset(config.dataset.name, Path(config.dataset.path), config.dataset.options)
        pack(dataset, SAMPLE, config.dataset, config.sample)
        sample = PackedSample.open(SAMPLE)
        for loss in arguments.losses.split(","):
            results = [_results(arguments.head, loss, rate, arguments.seeds, config, sample) for rate in RATES]
            _print_curve(arguments.head, loss, results)
            curve = np.polyfit(np.log(RATES), np.mean(results, axis=1), 2)
            for epochs in map(int, arguments.epochs.split(",")):
                rates = [
                    _search(arguments.head, loss, 1000 + n, epochs, config, sample) for n in range(arguments.seeds)
                ]
                regrets = ", ".join(f"{_regret(arguments.head, curve, rate):.4f} at {rate:g}" for rate in rates)
                print(f"  searches of {epochs} epochs: regret {regrets}", flush=True)


def _results(head: str, loss: str, rate: float, seeds: int, config: Config, sample: PackedSample) -> list[float]:
    """Return the test metric of trainings at `rate`, one for each seed."""
    config = applied(config, loss, Choice(rate))
    splits, metric = Splits.of(sample, head, None), headline_of(head, sample.classes)
    output = losses.load(loss, config.options_of(loss)).output
    values = []
    for seed in range(seeds):
        trial = Trial(head, loss, seed)
        train_trials([trial], config, sample)
        found = evaluate(load_model(trial.run_dir / "model.pt"), splits, config.recipe.precision, output)
        values.append(found.summary["test"][metric.name])
    return values


def _print_curve(head: str, loss: str, results: list[list[float]]) -> None:
    points = ", ".join(f"{np.mean(of_rate):.4f} at {rate:g}" for rate, of_rate in zip(RATES, results, strict=True))
    error = np.sqrt(np.mean([np.var(of_rate, ddof=1) for of_rate in results]) / len(results[0]))
    print(f"{head} {loss}: {points}; standard error {error:.4f}", flush=True)


def _search(head: str, loss: str, seed: int, epochs: int, config: Config, sample: PackedSample) -> float:
    search = config.recipe.search.model_copy(update={"epochs": epochs})
    config = config.model_copy(update={"recipe": config.recipe.model_copy(update={"search": search})})
    with ExitStack() as until_written:
        trial = Trial(head, loss, seed)
        tried = [try_candidate(until_written, trial, Choice(rate), sample, config) for rate in search.lr]
        return peak(head, tried, best(head, tried))


def _regret(head: str, curve: np.ndarray, rate: float) -> float:
    """Return by how much the parabola's best value within the rates is better than its value at `rate`."""
    sign = 1 if rises(head) else -1
    heights = sign * np.polyval(curve, np.log(np.geomspace(RATES[0], RATES[-1], 200)))
    return max(0.0, float(heights.max() - sign * np.polyval(curve, np.log(rate))))


if __name__ == "__main__":
    run_stage(main)
