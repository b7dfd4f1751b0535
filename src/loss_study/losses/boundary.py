"""Every pixel predicted as foreground costs its distance from the true outline, and gains it inside the object."""

from __future__ import annotations

import torch
from torch import Tensor

from loss_study.losses.shared.base import Loss
from loss_study.losses.shared.distances import to_outline
from loss_study.losses.shared.pixels import mean, probability

NOTE = (
    "Pixels at the outline weigh next to nothing and those far from it most. Its value is below 0 where it is right "
    "and the image has the class. "
    "Meant to be added to dice, which keeps small objects from vanishing."
)


def boundary(logits: Tensor, target: Tensor) -> Tensor:
    """Return the mean over classes and pixels of d p, in [-1, 1]; (N, C, H, W) to (N,).

    p is sigmoid(logits), for several classes softmax(logits). d is the distance to the nearest pixel on the other side
    of the class's outline as a share of the image's diagonal, negative inside; 1 everywhere where an image does not
    have the class, -1 where it has nothing else. Source: Kervadec, Bouchtiba, Desrosiers, Granger, Dolz and Ben Ayed,
    Boundary Loss for Highly Unbalanced Segmentation (2019), eq. 5; there d is in pixels, and 0 at the first ones
    inside. Minimised by the ground truth for a mask of zeros and ones, where it is
    below 0 if the image has the class, else 0.
    """
    distance = to_outline(target)
    return mean(torch.where(target > 0.5, -distance, distance) * probability(logits))


LOSS = Loss(
    boundary,
    heads=("mask",),
    multiclass=True,
    minimised_by_target=("mask", "classes"),
    notes={"mask": NOTE, "classes": NOTE},
)
