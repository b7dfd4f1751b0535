"""How much error each look at a study may make, where the study is compared after every round and may then stop.

A statement with the error probability `level` may fail at any of the looks, so the level is spent over them (Lan and
DeMets, Discrete sequential boundaries for clinical trials, 1983). A look is at the share t of the seeds that are
planned for a loss, and level * t is what all looks up to it may spend. (Pocock's spending reaches a bound after as many
trainings and decides fewer studies; spending t^1.5 or t^2 takes more trainings.) The z value of a difference at look r
correlates with that at look s > r by sqrt(n_r / n_s) where all its variance is between seeds, n being the number of
seeds. Test images are shared by the looks, and a loss that was dropped keeps its seeds: both raise the correlation,
which makes an error at any look less likely (Slepian's inequality). So boundaries for sqrt(n_r / n_s) are on the safe
side. (A loss that comes back has as many seeds as the others at once. The simulated studies of docs/statistics.md let
losses come back, and hold.) They are computed for normal values, and used as levels of Student's t.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr

#: Error probability of a family of statements: what holds at the confidence of 95 % is wrong in 5 % of studies.
SIGNIFICANCE = 0.05
#: The grid of the numerical integration: number of nodes, and how many standard deviations it reaches down.
_NODES = 129
_REACH = 9.0


@dataclass(frozen=True)
class Look:
    """One of the planned comparisons of a study.

    Attributes:
        number: 1 for the first.
        seeds: number of seeds of a loss that trained in all rounds, at each planned look, ascending.
    """

    number: int
    seeds: tuple[int, ...]

    @property
    def planned(self) -> int:
        """Number of looks of a study that is not decided before."""
        return len(self.seeds)

    def share_of(self, level: float) -> float:
        """Return the error probability that a one-sided statement may have at this look, `level` over all of them."""
        return nominal_levels(level, self.seeds)[self.number - 1]


#: The only look of a study that is compared once.
ONLY = Look(1, (1,))


@lru_cache(maxsize=512)
def nominal_levels(level: float, seeds: Sequence[int]) -> tuple[float, ...]:
    """Return the one-sided error probability at each look, so that with `level` none of the looks is in error.

    Args:
        level: between 0 and 0.5.
        seeds: number of seeds at each look, ascending.
    """
    times = np.array(seeds) / seeds[-1]
    # The sum of the seeds up to a look is a random walk, here in units of its last deviation. `mass` is that of the
    # walks which crossed no bound so far, at the nodes `place`.
    place, mass = np.zeros(1), np.ones(1)
    levels = []
    for time, added in zip(times, np.diff(times, prepend=0.0), strict=True):
        step = np.sqrt(added)
        bound = brentq(_excess, 0.0, 3 * _REACH, args=(place, mass, step, level * added), xtol=1e-12, rtol=1e-12)
        levels.append(float(ndtr(-bound / np.sqrt(time))))
        further, width = _grid(-_REACH * np.sqrt(time), bound)
        mass = width * (_normal_density((further[:, None] - place) / step) / step @ mass)
        place = further
    return tuple(levels)


def _excess(bound: float, place: np.ndarray, mass: np.ndarray, step: float, level: float) -> float:
    """Return by how much more than `level` walks at `place` cross `bound` with the next step, of deviation `step`."""
    return float(mass @ ndtr((place - bound) / step) - level)


def _normal_density(z: np.ndarray) -> np.ndarray:
    # To import scipy.stats for its norm.pdf takes as long as all else that `decide` does.
    return np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)


def _grid(low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights of Gauss-Legendre integration from `low` to `high`."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    half = (high - low) / 2
    return low + half * (nodes + 1), half * weights
