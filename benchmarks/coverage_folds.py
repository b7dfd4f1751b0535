"""How often made-up studies with folds are right: the table of docs/statistics.md; coverage.py has the fixed split.

The column "new" is not claimed: it is the share of studies whose bound would also hold for other training images. A row
that misses its bounds is marked, and the exit code is then 1. ``--training`` prints the second table instead: what it
would take to claim it.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from loss_study.statistics.folds import FoldEstimates
from support.fold_studies import Kind, race

MEANS = {2: (0.66, 0.64), 4: (0.66, 0.65, 0.63, 0.60), 7: (0.66, 0.655, 0.65, 0.64, 0.63, 0.61, 0.57)}
CLAIMS = ("bound", "regrets", "pairs", "means")


def kinds() -> dict[str, Kind]:
    """Return the kinds of studies by name."""
    found = {
        f"{folds} folds, {turns} turn{'s' if turns > 1 else ''}, {losses} losses": Kind(MEANS[losses], folds, turns)
        for folds, turns, losses in product((3, 5, 10), (1, 2, 4), (2, 7))
    }
    tied = (0.65,) * 7
    return found | {
        "5 folds, 4 turns, 7 losses, tied": Kind(tied, 5, 4),
        "5 folds, 4 turns, 4 losses": Kind(MEANS[4], 5, 4),
        "5 folds, 4 turns, 7 losses, the best 4 times as noisy": Kind(MEANS[7], 5, 4, seeds=(0.04, *(0.01,) * 6)),
        "5 folds, 4 turns, 2 losses, the best 4 times as noisy": Kind(MEANS[2], 5, 4, seeds=(0.04, 0.01)),
        "5 folds, 4 turns, 7 losses, skewed seeds": Kind(MEANS[7], 5, 4, skewed=True),
        "5 folds, 4 turns, 2 losses, quiet seeds": Kind(MEANS[2], 5, 4, seeds=0.003, training=0.003),
        "3 folds, 4 turns, 2 losses, quiet seeds, backgrounds differ": Kind(
            MEANS[2], 3, 4, seeds=0.003, training=0.003, backgrounds=0.06
        ),
        "10 folds, 4 turns, 2 losses, quiet seeds, objects differ": Kind(
            MEANS[2], 10, 4, seeds=0.003, training=0.003, objects=0.05
        ),
        "5 folds, 4 turns, 2 losses, training images .03": Kind(MEANS[2], 5, 4, training=0.03),
        "10 folds, 4 turns, 2 losses, training images .03": Kind(MEANS[2], 10, 4, training=0.03),
        "5 folds, 4 turns, 2 losses, tied, typical objects teach more": Kind((0.65, 0.65), 5, 4, teaches=1.0),
        "5 folds, 4 turns, 2 losses, tied, odd objects teach more": Kind((0.65, 0.65), 5, 4, teaches=-1.0),
        "3 folds, 1 turn, 2 losses, tied": Kind((0.65, 0.65), 3, 1),
    }


def usual_correction(
    folds: int, values: list[np.ndarray], objects: np.ndarray, backgrounds: np.ndarray
) -> FoldEstimates:
    """Return estimates as by Nadeau and Bengio (2003): 1 / replicates + test / training images."""
    found = FoldEstimates.of(values, objects, backgrounds)
    more = 1 + found.replicates / (folds - 2)
    return replace(found, between=found.between * np.diagonal(more), between_paired=found.between_paired * more)


def largest_overlap(
    folds: int, values: list[np.ndarray], objects: np.ndarray, backgrounds: np.ndarray
) -> FoldEstimates:
    """Return estimates by the folds' means alone, their variance times what the overlap can be at most."""
    found = FoldEstimates.of(values, objects, backgrounds)
    most = max(1 / folds, (folds - 1) * (folds - 2) / (2 * folds))
    by_fold = np.array([[np.nanmean(scores[fold::folds]) for fold in range(folds)] for scores in values])
    paired = (by_fold[:, None] - by_fold).var(axis=-1, ddof=1)
    return replace(
        found,
        replicates=np.full_like(found.replicates, folds),
        between=by_fold.var(axis=-1, ddof=1) * most * folds,
        between_paired=paired * most * folds,
        of_images=np.zeros_like(found.of_images),
        of_images_paired=np.zeros_like(found.of_images_paired),
    )


def of_training(studies: int) -> None:
    """Print how often bounds hold for other training images, and how wide they are, by three rules."""
    columns = [(losses, folds, training) for losses in (2, 7) for folds in (5, 10) for training in (0.015, 0.03)]
    names = [f"{losses} losses, {folds} folds, {training:g}" for losses, folds, training in columns]
    print(f"| | {' | '.join(names)} |")
    print("|---" * (len(columns) + 1) + "|")
    rules = {"usual correction": usual_correction, "largest overlap": largest_overlap, "as it is": None}
    for name, rule in rules.items():
        cells = []
        for losses, folds, training in columns:
            estimate = partial(rule, folds) if rule else FoldEstimates.of
            found = race(Kind(MEANS[losses], folds, 4, training=training), studies, 1, estimate)
            cells.append(f"{found.new:.3f} ({found.width:.3f})")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=1000, help="of each kind (1000)")
    parser.add_argument("--training", action="store_true", help="print the second table")
    arguments = parser.parse_args()
    studies = arguments.studies
    if arguments.training:
        of_training(studies)
        return
    print("| studies | bound | regrets | pairs | means | new | decided | last bound | trainings |")
    print("|---|---|---|---|---|---|---|---|---|")
    missed = False
    for name, kind in kinds().items():
        found = race(kind, studies, seed=1)
        shares = [getattr(found, claim) for claim in CLAIMS]
        misses = min(shares) < 0.94
        missed |= misses
        cells = [*(f"{share:.3f}" for share in [*shares, found.new]), f"{found.decided:.2f}", f"{found.width:.3f}"]
        print(f"| {name}{' **misses**' if misses else ''} | {' | '.join(cells)} | {found.trainings:.1f} |", flush=True)
    sys.exit(missed)


if __name__ == "__main__":
    main()
