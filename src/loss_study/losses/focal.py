"""Cross-entropy in which pixels that are right already hardly count: the hard ones are taught."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field
from torch import Tensor

from loss_study.losses import TargetStatistics, _class_weights
from loss_study.losses._pixels import mean

KEY = "loss_options.focal.class_weights"
LEAST_DOUBT = 1e-12
HEADS = ("mask",)
MULTICLASS = True
NOTES = {
    "mask": "Its probabilities are too timid: a chance of 0.9 is answered with less, as certainty earns hardly "
    "anything. The threshold of 0.5 is not moved.",
    "classes": "Its probabilities are too timid: a chance of 0.9 is answered with less, as certainty earns hardly "
    "anything.",
}


def loss(
    logits: Tensor,
    target: Tensor,
    *,
    gamma: Annotated[float, Field(ge=0)] = 2.0,
    class_weights: _class_weights.ClassWeights = "none",
    valid: Tensor | None = None,
) -> Tensor:
    """Return the mean over valid pixels of - sum over classes of w_k t_k (1 - p_k)^gamma log p_k; (N, C, H, W) to (N,).

    p is the softmax of the logits; for C = 1 the classes are background and foreground, p = sigmoid(logits).
    Source: Lin, Goyal, Girshick, He and Dollar, Focal Loss for Dense Object Detection (2017), eqs. 4 and 5, with the
    mean over pixels in the place of the sum over anchors divided by the number of objects. Values are 0 or more.
    Minimised by the truth where that is 0 or 1; a chance in between is answered with less certainty.

    Args:
        gamma: how fast a pixel ceases to count as it becomes right; 0 is `cross_entropy`.
        class_weights: w; the paper's alpha = 0.25 is [0.75, 0.25]. Else as in `cross_entropy`.
        valid: float (N, 1, H, W), 0 where a pixel has no truth and is left out.

    Raises:
        StudyError: the number of weights is not that of the classes, or they are still "balanced".
    """
    log_p, shares = _class_weights.log_probabilities(logits, target)
    # A power below 1 has an infinite slope at 0, which a probability of 1 would reach.
    doubt = (1 - log_p.exp()).clamp_min(LEAST_DOUBT) ** gamma
    weighted = _class_weights.weight_of(shares, class_weights, KEY) * doubt * log_p
    return mean(-weighted.sum(dim=1, keepdim=True), valid)


def resolve(options: Mapping[str, Any], *, statistics: TargetStatistics) -> dict[str, Any]:
    """Make "balanced" class weights numbers; see `_class_weights.resolve`."""
    return _class_weights.resolve(options, statistics.class_shares, KEY)
