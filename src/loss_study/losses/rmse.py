"""Root of the mean squared error of each picture: large mistakes weigh most."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field

NOTES = {
    "depth": "This is the very metric that ranks the depth head, up to the small eps.",
}


def loss(logits: torch.Tensor, target: torch.Tensor, *, eps: Annotated[float, Field(gt=0)] = 1e-6) -> torch.Tensor:
    """Return sqrt(mean over pixels of (p - t)^2 + eps), p = sigmoid(logits); (N, 1, H, W) to (N,).

    Source: Eigen, Puhrsch and Fergus, Depth Map Prediction from a Single Image (2014),
    "RMSE (linear)".
    Minimised by the truth for every target in [0, 1]; it is sqrt(eps) there.

    Args:
        eps: keeps the gradient finite at zero error, where that of the bare root is infinite.
    """
    mean_squared_error = (torch.sigmoid(logits) - target).square().mean(dim=(1, 2, 3))
    return (mean_squared_error + eps).sqrt()
