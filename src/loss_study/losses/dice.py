"""One minus the overlap of prediction and target (soft Dice), whatever share of the picture they cover."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field

LEAST_DENOMINATOR_TERM = 1e-6
NOTES = {
    "mask": "Balances foreground and background by itself; pushes an uncertain pixel to 0 or 1, not to its chance.",
    "depth": "Not minimised by the truth: the best answer is a black and white picture, 1 where the depth exceeds half "
    "the overlap reached and 0 elsewhere, so it cannot teach a depth map.",
}


def loss(logits: torch.Tensor, target: torch.Tensor, *, smooth: Annotated[float, Field(ge=0)] = 1.0) -> torch.Tensor:
    """Return 1 - (2 sum p t + s) / (sum p + sum t + s) per image, p = sigmoid(logits); (N, 1, H, W) to (N,).

    Source: Milletari, Navab and Ahmadi, V-Net (2016), section 3, without the squares in the denominator, as in
    Drozdzal et al., The Importance of Skip Connections (2016). Values in [0, 1].

    With I = sum p t and D the fraction above, the derivative of the loss by p_i is (D - 2 t_i) / (sum p + sum t + s).
    Its sign does not depend on p_i, so for a given D each p_i is best at an end: 1 where t_i > D / 2, else 0.
    For a mask of zeros and ones D = 1 and that is the truth, with loss 0. A continuous depth target is never its own
    minimum: the best answer is that binary picture (Bertels et al., Optimization with Soft Dice Can Lead to a
    Volumetric Bias, 2019).

    Args:
        smooth: s, in pixels, on both sides of the fraction. With s > 0 an empty target gives 1 - s / (sum p + s), so
            it still teaches the prediction to be empty. s = 0 is the original study's 1 - 2 I / (sum(p + t) + 1e-6),
            which for an empty target is 1 whatever is predicted and teaches nothing.
    """
    prediction = torch.sigmoid(logits)
    intersection = (prediction * target).sum(dim=(1, 2, 3))
    total = (prediction + target).sum(dim=(1, 2, 3))
    return 1 - (2 * intersection + smooth) / (total + max(smooth, LEAST_DENOMINATOR_TERM))
