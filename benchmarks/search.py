"""What the search for learning rates costs a loss: ``python benchmarks/search.py [--head depth --losses ssim,rmse]``.

Trains each loss at five rates from several seeds, at the default scale; a parabola in the logarithm of the rate through
these results says how good every rate is. Then searches as the study does, from several search seeds and with several
numbers of epochs. The regret of a search is the parabola's height at its vertex less that at the rate found, in the
unit of the metric, never below 0. It is uncertain by about the standard error of the results, which is printed beside.
"""

from __future__ import annotations

import argparse
import os
from contextlib import ExitStack

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from loss_study.config import Config
from loss_study.data.packed import PackedSample
from loss_study.metrics import rises
from loss_study.runtime.errors import run_stage
from loss_study.training.choice import Choice, applied
from loss_study.training.run import train_trials
from loss_study.training.search import best, peak, try_candidate
from loss_study.trial import Trial
from seed_noise import packed, score

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
    with packed(arguments.choices) as (config, sample):
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
    trials = [Trial(head, loss, seed) for seed in range(seeds)]
    train_trials(trials, config, sample)
    return [score(trial, config, sample) for trial in trials]


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
