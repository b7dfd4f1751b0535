"""Cross-entropy over any number of classes: minus the logarithm of the probability given to the true class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from loss_study.losses.shared import class_weights as weighting
from loss_study.losses.shared.base import Loss, TargetStatistics
from loss_study.losses.shared.pixels import mean

KEY = "loss_options.cross_entropy.class_weights"


def cross_entropy(
    logits: Tensor, target: Tensor, *, class_weights: weighting.ClassWeights = "none", valid: Tensor | None = None
) -> Tensor:
    """Return the mean over valid pixels of - sum over classes of w_k t_k log p_k; (N, C, H, W) to (N,), 0 or more.

    p is the softmax of the logits; for C = 1 the classes are background and foreground, p = sigmoid(logits), and
    without weights it is `bce`. Source: Bishop, Pattern Recognition and Machine Learning (2006), eqs. 4.90 and 4.108.
    Minimised by the ground truth where that is 0 or 1; a probability in between only with equal weights.

    The sum is divided by the number of pixels, not by the sum of the weights as in PyTorch: an image has the weight of
    its pixels.

    Args:
        class_weights: w, "none" for 1 each; a list of one per class, for C = 1 background and foreground; "balanced"
            for 1 / (K share) with the classes' shares of the training split, through `resolve`.
        valid: float (N, 1, H, W), 0 at invalid pixels, which are left out.

    Raises:
        StudyError: the number of weights is not that of the classes, or they are still "balanced".
    """
    log_p, shares = weighting.log_probabilities(logits, target)
    return mean(-(weighting.weight_of(shares, class_weights, KEY) * log_p).sum(dim=1, keepdim=True), valid)


def resolve(options: Mapping[str, Any], statistics: TargetStatistics) -> dict[str, Any]:
    """Make "balanced" class weights numbers; see `class_weights.resolve`."""
    return weighting.resolve(options, statistics.class_shares, KEY)


LOSS = Loss(
    cross_entropy,
    heads=("mask",),
    multiclass=True,
    resolve_options=resolve,
    notes={
        "mask": "Every pixel has the same weight. Class weights make a rare class count more; it is then predicted "
        "with more than its true probability.",
        "classes": "A class counts by its number of pixels. Class weights make rare classes count more; more of them "
        "is then predicted than there is.",
    },
)
