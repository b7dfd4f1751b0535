"""How often made-up studies are right: coverage of bounds and intervals, false claims, trainings until the decision.

``--studies`` of each kind; the table is that of docs/statistics.md. All shares are of studies that are right at every
one of their comparisons. A row that misses its bounds is marked, and the exit code is then 1.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.races import Images, Kind, Verdict, race

CROSSED = Images.crossed(24, 8)
UNEVEN = Images.uneven(30, 10, 150)
ALONE = Images.alone(60)
#: Seven losses as they are on the default dataset: two near ties, others farther off.
SEVEN = (0.66, 0.655, 0.65, 0.64, 0.63, 0.61, 0.57)
TIED = (0.65,) * 7
CLEAR = (0.68, *(0.65,) * 6)
BEST_NOISY = (0.04, *(0.01,) * 6)
LAST_NOISY = (*(0.01,) * 6, 0.04)


def few(means: tuple[float, ...], **kind: object) -> Kind:
    """Return a kind of study in which the images add a standard error of .003 to a mean: 60 independent ones."""
    one = Kind(means, ALONE, objects=0.0, backgrounds=0.0, each=0.003 * float(np.sqrt(60)), noise=0.0)
    return replace(one, **kind)  # type: ignore[arg-type]


KINDS = {
    "crossed images, all tied": Kind(TIED, CROSSED),
    "crossed images, seven losses": Kind(SEVEN, CROSSED),
    "crossed images, backgrounds differ most": Kind(CLEAR, CROSSED, backgrounds=0.05, objects=0.01),
    "crossed images, objects differ most": Kind(CLEAR, CROSSED, backgrounds=0.01, objects=0.05),
    "crossed images, quiet seeds": Kind(SEVEN, CROSSED, seeds=0.003),
    "uneven images": Kind(CLEAR, UNEVEN),
    "one object has 5 of 6 images": Kind(CLEAR, Images.of_sizes([100, *[4] * 5]), backgrounds=0.0, seeds=0.003),
    "objects with 60, 30, 15, 8, 4, 2 and 1 images": Kind(
        CLEAR, Images.of_sizes([60, 30, 15, 8, 4, 2, 1]), backgrounds=0.0, seeds=0.003
    ),
    "two objects with half of 200 images": Kind(
        CLEAR, Images.of_sizes([50, 50, *[1] * 100]), backgrounds=0.0, seeds=0.003
    ),
    "independent images": Kind(CLEAR, Images.alone(200), objects=0.0, backgrounds=0.0),
    "7 losses, all tied": few(TIED),
    "7 losses": few(SEVEN),
    "7 losses, seeds .011": few(SEVEN, seeds=0.011),
    "7 losses, one best": few(CLEAR),
    "7 losses, one best, seeds .011": few(CLEAR, seeds=0.011),
    "7 losses, tied, one 4 times as noisy": few(TIED, seeds=LAST_NOISY),
    "7 losses, the best 4 times as noisy": few(CLEAR, seeds=BEST_NOISY),
    "7 losses, the last 4 times as noisy": few(SEVEN, seeds=LAST_NOISY),
    "7 losses, skewed seeds (-1)": few(CLEAR, skew=-1.0),
    "7 losses, skewed seeds (-2)": few(CLEAR, skew=-2.0),
    "7 losses, skewed seeds (+2)": few(CLEAR, skew=2.0),
    "7 losses, skewed (-1), the best 4 times as noisy": few(CLEAR, seeds=BEST_NOISY, skew=-1.0),
    "7 losses, skewed (-2), the best 4 times as noisy": few(CLEAR, seeds=BEST_NOISY, skew=-2.0),
    "2 losses, tied": few((0.65, 0.65)),
    "2 losses, near": few((0.66, 0.65)),
    "2 losses, the best 4 times as noisy": few((0.71, 0.65), seeds=(0.04, 0.01)),
    "2 losses, the best 4 times as noisy, skewed (-2)": few((0.71, 0.65), seeds=(0.04, 0.01), skew=-2.0),
    "2 losses, the last 4 times as noisy, skewed (+2)": few((0.71, 0.65), seeds=(0.01, 0.04), skew=2.0),
    "3 losses, the best 4 times as noisy": few((0.7, 0.65, 0.65), seeds=(0.04, 0.01, 0.01)),
    "30 losses, all tied": few((0.65,) * 30),
    "30 losses, one best": few((0.7, *(0.65,) * 29)),
    "30 losses, the best 4 times as noisy": few((0.7, *(0.65,) * 29), seeds=(0.04, *(0.01,) * 29)),
    "30 losses, from .5 to .7": few(tuple(np.linspace(0.5, 0.7, 30).tolist())),
    "1 seed (trained networks)": Kind(SEVEN, CROSSED, looks=(1,)),
    "1 seed, then 3": few(SEVEN, looks=(1, 3)),
    "2 seeds": few(CLEAR, looks=(2,)),
    "2 seeds, 2 losses, the best 4 times as noisy": few((0.8, 0.65), seeds=(0.04, 0.01), looks=(2,)),
    "3 seeds": few(CLEAR, looks=(3,)),
    "3 seeds, the best 4 times as noisy": few(CLEAR, seeds=BEST_NOISY, looks=(3,)),
    "5 seeds, skewed (-2)": few(CLEAR, skew=-2.0, looks=(5,)),
    "8 seeds, 30 losses": few((0.7, *(0.65,) * 29), looks=(8,)),
    "12 seeds": few(SEVEN, looks=(12,)),
}
LEAST, MOST = 0.94, 0.06
SHARES = ("bound", "regrets", "pairs", "means")


def is_right(found: Verdict) -> bool:
    """Say whether every coverage and the share of false claims is within its bound."""
    return min(getattr(found, name) for name in SHARES) >= LEAST and found.false <= MOST


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=2000)
    parser.add_argument("--only", default="", help="kinds whose name has this in it")
    arguments = parser.parse_args()
    print("| studies | bound | regrets | pairs | means | false claims | decided | trainings |")
    print("|---|---|---|---|---|---|---|---|")
    right = True
    for name, kind in KINDS.items():
        if arguments.only not in name:
            continue
        found = race(kind, arguments.studies, seed=1, block=100 if len(kind.means) < 30 else 25)
        right &= is_right(found)
        shares = " | ".join(f"{getattr(found, share):.3f}" for share in SHARES)
        mark = "" if is_right(found) else " (!)"
        numbers = f"{shares} | {found.false:.3f} | {found.decided:.2f} | {found.trainings:.1f}"
        print(f"| {name}{mark} | {numbers} |", flush=True)
    sys.exit(0 if right else 1)


if __name__ == "__main__":
    main()
