"""How often made-up studies are right where some trainings fail, with the rule for them and without it.

``--studies`` of each kind; the table is that of docs/statistics.md. All shares are of studies that are right at every
one of their comparisons. A row that misses its bounds is marked, and the exit code is then 1.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.failing_seeds import KINDS, Shares, race

LEAST = 0.94


def row(found: Shares) -> list[str]:
    """Return the cells of one way to count: whether all is right, and what it costs."""
    right = min(found.bound, found.regrets, found.pairs, found.means)
    return [
        f"{found.bound:.3f}",
        f"{found.regrets:.3f}",
        f"{found.pairs:.3f}",
        f"{found.means:.3f}" + ("" if right >= LEAST else " (!)"),
        f"{found.decided:.2f}",
        f"{found.trainings:.1f}",
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=500)
    parser.add_argument("--only", default="", help="kinds whose name has this in it")
    arguments = parser.parse_args()
    print("| studies | failures | bound | regrets | pairs | means | decided | trainings | losses compared |")
    print("|---|---|---|---|---|---|---|---|---|")
    right = True
    for name, draw in KINDS.items():
        if arguments.only not in name:
            continue
        for how, marked in (("left out", True), ("averaged", False)):
            found = race(draw, arguments.studies, seed=1, marked=marked)
            cells = row(found)
            right &= not marked or "(!)" not in "".join(cells)
            print(f"| {name} | {how} | {' | '.join(cells)} | {found.compared:.1f} |", flush=True)
    sys.exit(0 if right else 1)


if __name__ == "__main__":
    main()
