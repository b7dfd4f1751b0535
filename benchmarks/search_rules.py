"""How the search should read its three values: ``python benchmarks/search_rules.py``, without training, in 20 s.

For several shares of the way to the vertex (`parabola.TRUST`) and least curves (`parabola.LEAST_CURVE`): what the
searches of docs/results/searches.csv lose on the mask, in margins, and what made-up searches lose, as a share of the
metric. A made-up loss has a best rate and a curve of its own, steeper towards high rates; a training of it fails now
and then.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1] / "docs"))
from searched import searched

from loss_study.runtime.errors import run_stage
from loss_study.statistics.results import read_csv
from loss_study.training import parabola
from loss_study.training.choice import Choice
from loss_study.training.search import Tried, best, peak

SEARCHES = Path(__file__).parents[1] / "docs" / "results" / "searches.csv"
MARGIN = 0.02
RATES = (0.004, 0.02, 0.1)
LOGS = np.log(RATES) - np.log(RATES[1])
RULES = [(way, curve) for way in (1.0, 0.85, 0.7, 0.5, 0.0) for curve in (0.02, 0.03)]
MADE_UP = 1500


@dataclass(frozen=True)
class Kind:
    """Of made-up losses: the deviation of the best rate's logarithm, or its distance from the middle; noise; curve."""

    spread: float = 0.5
    away: float = 0.0
    noise: float = 0.03
    failing: float = 0.02
    curve: float = 0.04


KINDS = {
    "near the middle": Kind(),
    "spread": Kind(spread=1.0),
    "near the ends": Kind(spread=0.2, away=1.4),
    "noisy": Kind(noise=0.06, failing=0.05),
    "quiet": Kind(spread=0.7, noise=0.01, failing=0.0),
    "flat": Kind(spread=0.7, noise=0.02, failing=0.0, curve=0.01),
    "steep": Kind(spread=0.7, noise=0.05, curve=0.12),
}


def main() -> None:
    """Print a line for each rule."""
    table = Table(title="What a search loses", title_justify="left")
    for column in ("way", "least curve", "mask, mean", "most", *KINDS):
        table.add_column(column, justify="right")
    rows = read_csv(SEARCHES)
    for parabola.TRUST, parabola.LEAST_CURVE in RULES:
        lost = [loss / MARGIN for one in searched("mask", rows) for _, loss in one.found]
        made_up = [f"{_mean_lost(kind):.4f}" for kind in KINDS.values()]
        measured = (f"{np.mean(lost):.3f}", f"{max(lost):.2f}")
        table.add_row(f"{parabola.TRUST:g}", f"{parabola.LEAST_CURVE:g}", *measured, *made_up)
    Console(width=160).print(table)


def _mean_lost(kind: Kind) -> float:
    """Return what made-up searches lose on average, by the rule that is set."""
    random = np.random.default_rng(1)
    lost = []
    for _ in range(MADE_UP):
        top = random.choice((-1, 1)) * kind.away + random.normal(0, kind.spread)
        curve = random.lognormal(np.log(kind.curve), 0.5)
        values = 1 - _lost(LOGS, top, curve) + random.normal(0, kind.noise, 3)
        values = np.where(random.random(3) < kind.failing, 0.3, np.maximum(values, 0.2))
        tried = [Tried(Choice(rate), float(value), 0, "finished") for rate, value in zip(RATES, values, strict=True)]
        rate, _ = peak("mask", tried, best("mask", tried))
        best_there = np.clip(top, LOGS[0], LOGS[-1])
        lost.append(float(_lost(np.log(rate / RATES[1]), best_there, curve)))
    return float(np.mean(lost))


def _lost(log_rate: np.ndarray | float, top: float, curve: float) -> np.ndarray:
    away = log_rate - top
    return np.asarray(curve * away**2 * np.where(away > 0, 1.3, 0.8))


if __name__ == "__main__":
    run_stage(main)
