"""Multiple comparisons with the best, where the best is unknown: how much may each loss be worse than the best?

The regret of loss i is m_k - m_i, m being the losses' true means, oriented so that more is better, and k the best one.
Hsu (Constrained simultaneous confidence intervals for multiple comparisons with the best, 1984; Edwards and Hsu, 1983)
showed that its bounds need only the comparisons with the best, L - 1 of the L (L - 1): let, with probability 1 - a,

    m_k - m_i <= upper(k, i)    for the best k and every i,

which takes a level of a / (L - 1) for each i (Bonferroni), whatever the dependence between them. Then:

- k is never *excluded*: upper(k, i) >= m_k - m_i >= 0 for all i. So the best is among the *candidates*, the losses
  with upper(k, i) >= 0 for all i;
- the regret of i is at most the largest upper(k, i) of the candidates, and at least 0;
- if also m_k - m_i >= lower(k, i) for every i, with probability 1 - b, it is at least the smallest lower(k, i) of the
  candidates; that of a candidate is at least 0.

All this holds together, for all losses, with probability 1 - a - b, however the loss is chosen that is reported.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from loss_study.statistics.estimates import Errors
from loss_study.statistics.looks import SIGNIFICANCE, Look

#: Error probability of the upper bounds, which the choice rests on; the lower bounds have the rest.
UPPER = 0.035
LOWER = SIGNIFICANCE - UPPER


@dataclass(frozen=True)
class Regrets:
    """Bounds of the losses' regrets; arrays may have leading dimensions (...), as the estimates have.

    Attributes:
        means: of the losses, more is better, (..., L).
        low, high: bounds of the regret of each loss, 0 or more, in the unit of the metric, (..., L).
        upper: how much better than loss i (last axis) loss k may be, (..., L, L); negative where k is worse. 0 on the
            diagonal.
        candidates: True for the losses that are not excluded as the best one, (..., L).
    """

    means: np.ndarray
    low: np.ndarray
    high: np.ndarray
    upper: np.ndarray
    candidates: np.ndarray


def regrets(mean_L: np.ndarray, errors: Errors, look: Look) -> Regrets:
    """Return the bounds of the regrets, which hold together for all losses and all looks.

    Args:
        mean_L: means of at least two losses, (..., L), more is better.
        errors: of the differences of every two, (..., L, L).
        look: which of the planned looks.
    """
    others = mean_L.shape[-1] - 1
    gap_LL = mean_L[..., :, None] - mean_L[..., None, :]
    different_LL = ~np.eye(others + 1, dtype=bool)
    upper_LL = gap_LL + different_LL * errors.approximate_reach(look.share_of(UPPER / others))
    lower_LL = gap_LL - different_LL * errors.reach(look.share_of(LOWER / others))
    candidate_L = (upper_LL >= 0).all(axis=-1)
    of_candidates = candidate_L[..., :, None]
    high_L = np.where(of_candidates, upper_LL, 0.0).max(axis=-2)
    low_L = np.where(of_candidates, lower_LL, np.inf).min(axis=-2)
    return Regrets(mean_L, np.maximum(low_L, 0.0), np.maximum(high_L, 0.0), upper_LL, candidate_L)


def within_span(found: Regrets, span: float) -> Regrets:
    """Return the bounds, none of which is above `span`, the largest difference that the metric can have."""
    return replace(found, high=np.minimum(found.high, span), upper=np.minimum(found.upper, span))


def choose(found: Regrets, margin: float | np.ndarray) -> np.ndarray:
    """Return which loss to use, int (...): that with the best mean, of those whose regret is within the margin.

    Where there is none, it is that with the best mean of all; of equal means the first.
    """
    within = found.high <= np.asarray(margin)[..., None]
    eligible = within | ~within.any(axis=-1, keepdims=True)
    return np.argmax(np.where(eligible, found.means, -np.inf), axis=-1)


def continuing(found: Regrets, margin: float | np.ndarray) -> np.ndarray:
    """Return which losses train in the next round, bool (..., L); none where the choice is within the margin.

    These are the choice and the candidates that may be better than it by more than the margin. All others are
    settled, as long as the choice does not change.
    """
    choice = choose(found, margin)[..., None]
    above_choice = np.take_along_axis(found.upper, choice[..., None], axis=-1)[..., 0]
    rivals = found.candidates & (above_choice > np.asarray(margin)[..., None])
    chosen = np.arange(rivals.shape[-1]) == choice
    return rivals | (chosen & rivals.any(axis=-1, keepdims=True))
