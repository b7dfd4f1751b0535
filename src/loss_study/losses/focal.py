"""Cross-entropy in which pixels that are already right hardly count: the hard ones are learned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from torch import Tensor

from loss_study.losses.shared import class_weights as weighting
from loss_study.losses.shared.base import Loss, TargetStatistics
from loss_study.losses.shared.options import Range
from loss_study.losses.shared.pixels import mean

KEY = "loss_options.focal.class_weights"
LEAST_DOUBT = 1e-12


def focal(
    logits: Tensor,
    target: Tensor,
    *,
    gamma: Annotated[float, Range(ge=0)] = 2.0,
    class_weights: weighting.ClassWeights = "none",
    valid: Tensor | None = None,
) -> Tensor:
    """Return the mean over valid pixels of - sum over classes of w_k t_k (1 - p_k)^gamma log p_k; (N, C, H, W) to (N,).

    p is the softmax of the logits; for C = 1 the classes are background and foreground, p = sigmoid(logits).
    Source: Lin, Goyal, Girshick, He and Dollar, Focal Loss for Dense Object Detection (2017), eqs. 4 and 5, with the
    mean over pixels in the place of the sum over anchors divided by the number of objects. Values are 0 or more.
    Minimised by the ground truth where that is 0 or 1; for a probability in between, the best prediction is nearer to
    1/2.

    Args:
        gamma: how fast the weight of a pixel falls as it becomes right; 0 is `cross_entropy`.
        class_weights: w; the paper's alpha = 0.25 is [0.75, 0.25]. Otherwise as in `cross_entropy`.
        valid: float (N, 1, H, W), 0 at invalid pixels, which are left out.

    Raises:
        StudyError: the number of weights is not that of the classes, or they are still "balanced".
    """
    log_p, shares = weighting.log_probabilities(logits, target)
    # A power below 1 has an infinite slope at 0, which a probability of 1 would reach.
    doubt = (1 - log_p.exp()).clamp_min(LEAST_DOUBT) ** gamma
    weighted = weighting.weight_of(shares, class_weights, KEY) * doubt * log_p
    return mean(-weighted.sum(dim=1, keepdim=True), valid)


def resolve(options: Mapping[str, Any], statistics: TargetStatistics) -> dict[str, Any]:
    """Make "balanced" class weights numbers; see `class_weights.resolve`."""
    return weighting.resolve(options, statistics.class_shares, KEY)


LOSS = Loss(
    focal,
    heads=("mask",),
    multiclass=True,
    resolve_options=resolve,
    notes={
        "mask": "Its probabilities are too cautious: a pixel that is foreground with probability 0.9 is predicted with "
        "less, because certainty gains hardly anything. The threshold of 0.5 does not move.",
        "classes": "Its probabilities are too cautious: a class that has probability 0.9 is predicted with less, "
        "because certainty gains hardly anything.",
    },
)
