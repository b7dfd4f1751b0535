"""Binary cross-entropy: every pixel counts the same, a confident mistake costs most."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from loss_study.losses.shared.base import Loss
from loss_study.losses.shared.pixels import mean


def bce(logits: Tensor, target: Tensor, *, valid: Tensor | None = None) -> Tensor:
    """Return the mean over valid pixels of -t log p - (1 - t) log(1 - p), p = sigmoid(logits); (N, 1, H, W) to (N,).

    Source: Bishop, Pattern Recognition and Machine Learning (2006), eq. 4.90, with soft targets.
    Computed from the logits, so it is exact where the sigmoid saturates.
    The derivative by the logit is p - t: the minimum is at p = t for every target in [0, 1].
    """
    return mean(F.binary_cross_entropy_with_logits(logits, target, reduction="none"), valid)


LOSS = Loss(
    bce,
    notes={
        "mask": "Every pixel has the same weight: where foreground is rare, background dominates the early epochs.",
        "depth": "Minimised by the ground truth, but its value there is the entropy of the target, not zero: a loss of "
        "0.6 can be a perfect depth map.",
    },
)
