"""One minus the overlap of prediction and target (soft Dice), whatever share of the image they cover."""

from __future__ import annotations

from typing import Annotated

from torch import Tensor

from loss_study.losses.shared.base import Loss
from loss_study.losses.shared.options import Range
from loss_study.losses.shared.pixels import probability, total

LEAST_DENOMINATOR_TERM = 1e-6


def dice(
    logits: Tensor,
    target: Tensor,
    *,
    valid: Tensor | None = None,
    smooth: Annotated[float, Range(ge=0)] = 1.0,
) -> Tensor:
    """Return 1 - (2 sum p t + s) / (sum p + sum t + s) per image, summed over valid pixels; (N, C, H, W) to (N,).

    p is sigmoid(logits); for several classes softmax(logits), and the value is the mean over the classes.

    Source: Milletari, Navab and Ahmadi, V-Net (2016), section 3, without the squares in the denominator, as in
    Drozdzal et al., The Importance of Skip Connections (2016). Values in [0, 1].

    With I = sum p t and D the fraction above, the derivative of the loss by p_i is (D - 2 t_i) / (sum p + sum t + s).
    Its sign does not depend on p_i, so for a given D each p_i is best at an end: 1 where t_i > D / 2, else 0.
    For a mask of zeros and ones D = 1 and that is the ground truth, with loss 0. A continuous depth target is never its
    own minimum: the best prediction is that binary image (Bertels et al., Optimization with Soft Dice Can Lead to a
    Volumetric Bias, 2019).

    Args:
        smooth: s, in pixels, on both sides of the fraction. With s > 0 an empty target gives 1 - s / (sum p + s), so
            the loss still falls as the prediction becomes empty. s = 0 is the original study's
            1 - 2 I / (sum(p + t) + 1e-6), which for an empty target is 1 for every prediction and has no gradient.
    """
    prediction = probability(logits)
    intersection, sizes = total(prediction * target, valid), total(prediction + target, valid)
    return 1 - ((2 * intersection + smooth) / (sizes + (smooth or LEAST_DENOMINATOR_TERM))).mean(dim=1)


LOSS = Loss(
    dice,
    multiclass=True,
    minimised_by_target=("mask", "classes"),
    notes={
        "mask": "Balances foreground and background by itself; pushes an uncertain pixel to 0 or 1, not to its "
        "probability.",
        "classes": "Every class counts the same, however small; pushes an uncertain pixel to one class, not to its "
        "probabilities.",
        "depth": "Not minimised by the ground truth: the best prediction is a black and white image, 1 where the depth "
        "exceeds half the overlap reached and 0 elsewhere, so it cannot teach a depth map.",
    },
)
