"""Logarithm of the overlap and cross-entropy, both under a root: small errors still have a gradient that is felt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from torch import Tensor

from loss_study.losses.shared import class_weights as weighting
from loss_study.losses.shared.base import Loss, TargetStatistics
from loss_study.losses.shared.options import Range
from loss_study.losses.shared.pixels import mean, overlap

KEY = "loss_options.exponential_logarithmic.class_weights"
#: Below this value the root, whose slope is infinite at 0, is a straight line from 0.
LEAST = 1e-4
NOTE = (
    "With gamma below 1 the gradient grows as the prediction becomes right, so training does not slow down at the end."
)


def exponential_logarithmic(
    logits: Tensor,
    target: Tensor,
    *,
    dice: Annotated[float, Range(ge=0)] = 0.8,
    cross: Annotated[float, Range(ge=0)] = 0.2,
    gamma: Annotated[float, Range(gt=0)] = 0.3,
    smooth: Annotated[float, Range(gt=0)] = 1.0,
    class_weights: weighting.ClassWeights = "none",
    valid: Tensor | None = None,
) -> Tensor:
    """Return a mean_k (-log D_k)^gamma + b mean (-log p)^gamma; (N, C, H, W) to (N,), 0 or more.

    D_k = (2 I + s) / (P + T + s) is the Dice overlap of class k over the valid pixels; p the probability of a pixel's
    true class, its power weighed with the class weights and averaged over the valid pixels. For C = 1 there is one D,
    that of the foreground, and the classes of p are background and foreground.
    Source: Wong, Moradi, Tang and Syeda-Mahmood, 3D Segmentation with Exponential Logarithmic Loss for Highly
    Unbalanced Object Sizes (2018), eqs. 1 to 3, and its best weights and gamma. Minimised by the ground truth, where it
    is 0, for a mask of zeros and ones.

    Args:
        dice: a, the weight of the overlaps.
        cross: b, the weight of the cross-entropy.
        gamma: the power of both.
        smooth: s, in pixels.
        class_weights: as in `cross_entropy`; the paper's are "balanced", by square root.
        valid: float (N, 1, H, W), 0 at invalid pixels, which are left out.

    Raises:
        StudyError: the number of weights is not that of the classes, or they are still "balanced".
    """
    intersection, predicted, true = overlap(logits, target, valid)
    overlaps = (2 * intersection + smooth) / (predicted + true + smooth)
    log_p, shares = weighting.log_probabilities(logits, target)
    weighted = weighting.weight_of(shares, class_weights, KEY) * _power(-log_p, gamma)
    crosses = mean(weighted.sum(dim=1, keepdim=True), valid)
    return dice * _power(-overlaps.log(), gamma).mean(dim=1) + cross * crosses


def _power(value: Tensor, gamma: float) -> Tensor:
    return value * value.clamp_min(LEAST) ** (gamma - 1)


def resolve(options: Mapping[str, Any], statistics: TargetStatistics) -> dict[str, Any]:
    """Make "balanced" class weights numbers; see `class_weights.resolve`."""
    return weighting.resolve(options, statistics.class_shares, KEY)


LOSS = Loss(
    exponential_logarithmic,
    heads=("mask",),
    multiclass=True,
    resolve_options=resolve,
    notes={"mask": NOTE, "classes": NOTE},
)
