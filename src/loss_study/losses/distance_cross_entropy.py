"""Cross-entropy that weighs pixels near the true outline more: the outline is where masks are wrong."""

from __future__ import annotations

from typing import Annotated

from torch import Tensor

from loss_study.losses.shared import class_weights as weighting
from loss_study.losses.shared.base import Loss
from loss_study.losses.shared.distances import to_outline
from loss_study.losses.shared.options import Range
from loss_study.losses.shared.pixels import mean

NOTE = "Pixels at the outline weigh most, so outlines are learned early; errors far from any object cost hardly more."


def distance_cross_entropy(logits: Tensor, target: Tensor, *, width: Annotated[float, Range(gt=0)] = 0.05) -> Tensor:
    """Return the mean over pixels of - sum over classes of (1 + w / (w + d_k)) t_k log p_k; (N, C, H, W) to (N,).

    d_k is the distance to the nearest pixel on the other side of the outline of class k, as a share of the image's
    diagonal; the weight is below 2 at the outline and falls towards 1 far from it. p is the softmax of the logits; for
    C = 1 the classes are background and foreground, p = sigmoid(logits). Source: Caliva, Iriondo, Martinez, Majumdar
    and Pedoia, Distance Map Loss Penalty Term for Semantic Segmentation (2019), (1 + phi) times the cross-entropy, phi
    falling with the distance. Values are 0 or more. Minimised by the ground truth where that is 0 or 1.

    Args:
        width: w, the distance at which half of the additional weight is left.
    """
    log_p, shares = weighting.log_probabilities(logits, target)
    weight = 1 + width / (width + to_outline(target))
    return mean(-(weight * shares * log_p).sum(dim=1, keepdim=True))


LOSS = Loss(
    distance_cross_entropy,
    heads=("mask",),
    multiclass=True,
    minimised_by_target=("mask", "classes"),
    notes={"mask": NOTE, "classes": NOTE},
)
