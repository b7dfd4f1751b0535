"""What the luck of the search for learning rates costs a loss: ``python benchmarks/search.py --head depth``.

Trains each loss at five rates from several seeds, at the default scale, and searches as the study does, from several
search seeds. Adds the value of every training to docs/results/searches.csv, from which ``make docs`` makes the tables
of docs/results.md: the validation metric of a search's candidates, the test metric of the others. 17 minutes on a core
for each head.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

from loss_study.config import Config
from loss_study.data.packed import PackedSample
from loss_study.runtime.errors import run_stage
from loss_study.runtime.files import write_csv
from loss_study.statistics.results import read_csv
from loss_study.training.choice import Choice, applied
from loss_study.training.run import train_trials
from loss_study.training.search import try_candidate
from loss_study.trial import Trial
from seed_noise import packed, score

TABLE = Path(__file__).parents[1] / "docs" / "results" / "searches.csv"
RATES = (0.004, 0.009, 0.02, 0.045, 0.1)
COLUMNS = ("head", "loss", "kind", "seed", "lr", "value")

Row = dict[str, Any]


def main() -> None:
    """Measure one head and add its lines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--head", default="mask")
    parser.add_argument("--losses", default="dice,rmse,bce,weighted_bce,l1,huber,ssim", help="separated by commas")
    parser.add_argument("--seeds", type=int, default=3, help="for each rate")
    parser.add_argument("--searches", type=int, default=6)
    parser.add_argument("choices", nargs="*")
    arguments = parser.parse_args()
    head, table = arguments.head, TABLE.resolve()
    with packed(arguments.choices) as (config, sample):
        for loss in arguments.losses.split(","):
            found = [
                *_searches(head, loss, arguments.searches, config, sample),
                *_results(head, loss, arguments.seeds, config, sample),
            ]
            # The other head may have been measured beside this one.
            rows = read_csv(table) if table.exists() else []
            kept = [row for row in rows if (row["head"], row["loss"]) != (head, loss)]
            write_csv(table, [*kept, *({"head": head, "loss": loss} | row for row in found)], COLUMNS)


def _searches(head: str, loss: str, searches: int, config: Config, sample: PackedSample) -> Iterator[Row]:
    for seed in range(1000, 1000 + searches):
        for lr in config.recipe.search.lr:
            with ExitStack() as until_read:
                tried = try_candidate(until_read, Trial(head, loss, seed), Choice(lr), sample, config)
            yield {"kind": "search", "seed": seed, "lr": lr, "value": tried.validation}


def _results(head: str, loss: str, seeds: int, config: Config, sample: PackedSample) -> Iterator[Row]:
    trials = [Trial(head, loss, seed) for seed in range(seeds)]
    for lr in RATES:
        at_rate = applied(config, loss, Choice(lr))
        train_trials(trials, at_rate, sample)
        for trial in trials:
            yield {"kind": "training", "seed": trial.seed, "lr": lr, "value": score(trial, at_rate, sample)}


if __name__ == "__main__":
    run_stage(main)
