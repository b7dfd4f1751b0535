"""Root of the mean squared error of each image: large errors weigh most."""

from __future__ import annotations

from typing import Annotated

from torch import Tensor

from loss_study.losses.shared.base import Loss
from loss_study.losses.shared.options import Range
from loss_study.losses.shared.pixels import mean, probability


def rmse(
    logits: Tensor,
    target: Tensor,
    *,
    valid: Tensor | None = None,
    eps: Annotated[float, Range(gt=0)] = 1e-6,
) -> Tensor:
    """Return sqrt(mean of (p - t)^2 + eps) over classes and valid pixels; (N, C, H, W) to (N,).

    p is sigmoid(logits), for several classes softmax(logits).
    Source: Eigen, Puhrsch and Fergus, Depth Map Prediction from a Single Image (2014),
    "RMSE (linear)".
    Minimised by the ground truth for every target in [0, 1]; it is sqrt(eps) there.

    Args:
        eps: keeps the gradient finite at zero error, where that of the bare root is infinite.
    """
    return (mean((probability(logits) - target).square(), valid) + eps).sqrt()


LOSS = Loss(
    rmse,
    multiclass=True,
    notes={"depth": "This is the very metric that ranks the depth head, up to the small eps."},
)
