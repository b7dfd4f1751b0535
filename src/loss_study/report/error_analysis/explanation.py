"""Does the order of the losses correlate with a number that could explain it?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from loss_study.metrics import Metric
from loss_study.report.error_analysis import gradients, learning_speed
from loss_study.report.error_analysis.evidence import Evidence, Number, subjects
from loss_study.statistics.looks import SIGNIFICANCE
from loss_study.statistics.sentences import listed

PERMUTATIONS = 10_000
#: With five losses even a perfect order is not significant in three tests: 3 x 2 / 120 = 0.05.
LEAST_LOSSES = 6


def explanation(evidence: Sequence[Evidence], head: str, metric: Metric, start: float) -> list[str]:
    """Return whether the results of the losses correlate with any of three numbers that could explain them.

    Spearman's rank correlation over the losses; p values are multiplied by the number of tests (Bonferroni).
    """
    _, them = subjects(evidence)
    place, words = gradients.place_of(evidence, head)
    reasons: dict[str, Number] = {
        f"share of the gradient on {words} before training": lambda known: gradients.share(known, "start", place),
        "gradient before training": lambda known: gradients.relative_norm(known, "start"),
        "number of epochs to 90 %": lambda known: learning_speed.epochs(known, start),
    }
    sign = -1 if metric.higher_is_better is False else 1
    found = []
    for name, number in reasons.items():
        pairs = [
            (sign * known.value, value)
            for known in evidence
            if known.value is not None and (value := number(known)) is not None
        ]
        if len(pairs) >= LEAST_LOSSES:
            results, numbers = zip(*pairs, strict=True)
            found.append((name, rank_correlation(numbers, results), p_value(numbers, results)))
    if not found:
        return [
            f"Fewer than {LEAST_LOSSES} {them} have a result and one of these numbers: too few to test correlations."
        ]
    return [_verdict(found, them)]


def _verdict(found: Sequence[tuple[str, float, float]], them: str) -> str:
    tests = len(found)
    counted = f"{tests} test{'s' if tests > 1 else ''}"
    significant = [
        f"a {'larger' if r > 0 else 'smaller'} {name} (rank correlation {r:+.2f}, {_shown(p)} for {counted})"
        for name, r, p in ((name, r, tests * p) for name, r, p in found)
        if p < SIGNIFICANCE
    ]
    if significant:
        return (
            f"Across {them}, a better result correlates with {listed(significant)}. This suggests a reason, but "
            "does not prove it."
        )
    weak = [f"{name} ({r:+.2f})" for name, r, _ in found]
    return (
        f"No significant rank correlation with the results of the {them}: {listed(weak)}. By themselves these numbers "
        "do not explain the ranking."
    )


def _shown(p: float) -> str:
    return f"p = {p:.3f}" if p >= 0.001 else "p < 0.001"


def rank_correlation(x: Sequence[float], y: Sequence[float]) -> float:
    """Return Spearman's rank correlation, ties sharing their mean rank; 0 where one side is constant."""
    a, b = _centred_ranks(x), _centred_ranks(y)
    scale = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / scale) if scale else 0.0


def p_value(x: Sequence[float], y: Sequence[float]) -> float:
    """Return the two-sided p value of the rank correlation, from 10,000 random pairings of a fixed seed."""
    a, b = _centred_ranks(x), _centred_ranks(y)
    rng = np.random.default_rng(0)
    shuffled = rng.permuted(np.tile(b, (PERMUTATIONS, 1)), axis=1) @ a
    # Without the tolerance, rounding could make an equally strong pairing count as weaker.
    return float((1 + (np.abs(shuffled) >= abs(a @ b) - 1e-9).sum()) / (1 + PERMUTATIONS))


def _centred_ranks(values: Sequence[float]) -> np.ndarray:
    # As scipy.stats.rankdata, which takes a second to import. Equal values share their mean rank.
    one, other = np.array(values)[:, None], np.array(values)
    ranks = (one > other).sum(axis=1) + ((one == other).sum(axis=1) + 1) / 2
    return ranks - ranks.mean()
