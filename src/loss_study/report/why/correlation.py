"""Do two numbers that each loss has go together? With a handful of losses, seldom can one tell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

PERMUTATIONS = 10_000


def rank_correlation(x: Sequence[float], y: Sequence[float]) -> float:
    """Return Spearman's rank correlation, ties sharing their mean rank; 0 where one side is constant."""
    a, b = _centred_ranks(x), _centred_ranks(y)
    scale = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / scale) if scale else 0.0


def p_value(x: Sequence[float], y: Sequence[float]) -> float:
    """Return how often a random pairing correlates as strongly, of either sign; 10,000 pairings of a fixed seed."""
    a, b = _centred_ranks(x), _centred_ranks(y)
    rng = np.random.default_rng(0)
    shuffled = rng.permuted(np.tile(b, (PERMUTATIONS, 1)), axis=1) @ a
    # Rounding must not make a pairing as strong as the observed one count as weaker.
    return float((1 + (np.abs(shuffled) >= abs(a @ b) - 1e-9).sum()) / (1 + PERMUTATIONS))


def _centred_ranks(values: Sequence[float]) -> np.ndarray:
    array = np.asarray(values, dtype=float)
    below = (array[None] < array[:, None]).sum(axis=1)
    equal = (array[None] == array[:, None]).sum(axis=1)
    return below + (equal - 1) / 2 - (len(array) - 1) / 2
