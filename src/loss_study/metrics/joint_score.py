"""One number for a network with several heads: how much of what a constant prediction gets wrong it gets right.

Of a head with score s, whose best constant prediction scores c and whose perfect one p, that is (s - c) / (p - c): 0
for a constant, 1 for the ground truth, below 0 for what is worse than a constant. The joint score is the mean over the
heads. So no head counts more because its metric has a larger unit or its task is easier for a constant.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean

from loss_study.metrics.base import Metric

JOINT_SCORE = Metric(
    "joint_score",
    "joint score",
    "Share of a constant prediction's error that is gone, mean over the heads: 1 is perfect, 0 a constant.",
    highest=1,
)
#: The headline metric of a perfect prediction.
PERFECT = {"mask": 1.0, "depth": 0.0}


def joint_score(values: Mapping[str, float], constants: Mapping[str, float]) -> float:
    """Return the joint score of the headline metrics `values`, by head.

    Args:
        values: of the network.
        constants: of the best constant prediction, on the same images. A head on which that is perfect counts 0.
    """
    return fmean(_share(PERFECT[head], value, constants[head]) for head, value in values.items())


def _share(perfect: float, value: float, constant: float) -> float:
    return (value - constant) / (perfect - constant) if perfect != constant else 0.0
