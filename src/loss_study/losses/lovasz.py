"""The Lovasz extension of intersection over union: a pixel has the weight that its error costs the overlap."""

from __future__ import annotations

import torch
from torch import Tensor

from loss_study.losses.shared.base import Loss


def lovasz(logits: Tensor, target: Tensor, *, valid: Tensor | None = None) -> Tensor:
    """Return the Lovasz extension of 1 - IoU at the pixels' errors, the mean over classes; (N, C, H, W) to (N,).

    Source: Berman, Rannen Triki and Blaschko, The Lovasz-Softmax Loss (2018), eqs. 8, 9 and 11, algorithm 1; each
    image by itself, and all classes whether the image has them or not. With the errors e sorted from large to small,
    it is sum e_i (J_i - J_(i-1)), where J_i is 1 - IoU if exactly the first i pixels are wrong.

    The errors are those of a hinge for C = 1, max(0, 1 - z) with the logit z, its sign changed where the target is
    background, and |p - t| with p the softmax for more; so values are 0 or more, and at most 1 for more classes.
    Minimised by the ground truth, where it is 0. A target in between counts as foreground above 0.5.

    Args:
        valid: float (N, 1, H, W), 0 at invalid pixels, which are left out.
    """
    true = (target > 0.5).to(target.dtype)
    if logits.shape[1] == 1:
        errors = (1 - logits * (2 * true - 1)).clamp_min(0)
    else:
        errors = (torch.softmax(logits, dim=1) - true).abs()
    if valid is not None:
        # Sorted to the end, where they change no other pixel's weight.
        errors, true = torch.where(valid > 0, errors, -1), torch.where(valid > 0, true, 0)
    errors, order = errors.flatten(2).sort(dim=2, descending=True)
    weights = _increments(true.flatten(2).gather(2, order))
    return (errors.clamp_min(0) * weights).sum(dim=2).mean(dim=1)


def _increments(true_NCP: Tensor) -> Tensor:
    """Return by how much 1 - IoU grows with every further pixel, in this order, being wrong."""
    count = true_NCP.sum(dim=2, keepdim=True)
    intersection = count - true_NCP.cumsum(dim=2)
    union = count + (1 - true_NCP).cumsum(dim=2)
    return (1 - intersection / union).diff(dim=2, prepend=torch.zeros_like(count))


LOSS = Loss(
    lovasz,
    heads=("mask",),
    multiclass=True,
    notes={
        "mask": "With one class, training stops where every pixel is right by a margin of 1 on the logit, so its "
        "outputs are no probabilities. With an empty mask only the worst pixel has a gradient.",
        "classes": "Every class counts the same, however small. For a class that an image does not have, only its "
        "worst pixel has a gradient.",
    },
)
