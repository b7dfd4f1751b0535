"""Cross-entropy over any number of classes: what counts is the probability that the true class was given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from loss_study.losses import TargetStatistics, _class_weights
from loss_study.losses._pixels import mean

KEY = "loss_options.cross_entropy.class_weights"
HEADS = ("mask",)
MULTICLASS = True
NOTES = {
    "mask": "Pixels count by their number. Class weights give rare classes more of a say, and move what is predicted "
    "for them above their true chance.",
    "classes": "Classes count by their pixels. Class weights give rare ones more of a say, and then more of them is "
    "predicted than there is.",
}


def loss(
    logits: Tensor, target: Tensor, *, class_weights: _class_weights.ClassWeights = "none", valid: Tensor | None = None
) -> Tensor:
    """Return the mean over valid pixels of - sum over classes of w_k t_k log p_k; (N, C, H, W) to (N,), 0 or more.

    p is the softmax of the logits; for C = 1 the classes are background and foreground, p = sigmoid(logits), and
    without weights it is `bce`. Source: Bishop, Pattern Recognition and Machine Learning (2006), eqs. 4.90 and 4.108.
    Minimised by the truth where the weights are equal.

    The sum is divided by the number of pixels, not by that of the weights as PyTorch does: an image weighs what its
    pixels weigh.

    Args:
        class_weights: w, "none" for 1 each; a list of one per class, for C = 1 background and foreground; "balanced"
            for 1 / (K share) with the classes' shares of the training split, through `resolve`.
        valid: float (N, 1, H, W), 0 where a pixel has no truth and is left out.

    Raises:
        StudyError: the number of weights is not that of the classes, or they are still "balanced".
    """
    log_p, shares = _class_weights.log_probabilities(logits, target)
    return mean(-(_class_weights.weight_of(shares, class_weights, KEY) * log_p).sum(dim=1, keepdim=True), valid)


def resolve(options: Mapping[str, Any], *, statistics: TargetStatistics) -> dict[str, Any]:
    """Make "balanced" class weights numbers; see `_class_weights.resolve`."""
    return _class_weights.resolve(options, statistics.class_shares, KEY)
