"""How the seeds of a study are divided into rounds, for the configuration and for DVC's stages.

``conf/config.yaml`` asks for the later rounds, since dvc.yaml can neither count nor compare: see `resolvers`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise


def divide(seeds: Sequence[int], ends: Sequence[int], losses: int, folds: int = 1) -> list[list[int]]:
    """Return the seeds of each round.

    A single loss has nothing to race with: it trains in one round with the first seed only. The seeds take turns at the
    folds, so the ends are raised to whole turns: after every round but the last all folds have as many seeds.

    Args:
        seeds: those of the study; what is beyond the last end is left over.
        ends: how many seeds a loss has trained with after each round, ascending.
        losses: the number of losses.
        folds: of the sample, 1 for a fixed split.
    """
    if losses == 1:
        return [list(seeds[:1])]
    whole = sorted({-(-end // folds) * folds for end in ends})
    last = min(len(seeds), whole[-1])
    inner = [end for end in whole if end < last]
    return [list(seeds[start:end]) for start, end in pairwise([0, *inner, last])]


def later(seeds: Sequence[int], ends: Sequence[int], folds: int, *candidates: Sequence[str]) -> list[int]:
    """Return the numbers of all rounds but the first: [2, 3, 4]; `candidates` are lists of all that is compared."""
    return list(range(2, len(divide(seeds, ends, sum(map(len, candidates)), folds)) + 1))


def previous(seeds: Sequence[int], ends: Sequence[int], folds: int, *candidates: Sequence[str]) -> dict[str, int]:
    """Return the round before each of the later ones: {"2": 1, "3": 2}."""
    return {str(number): number - 1 for number in later(seeds, ends, folds, *candidates)}
