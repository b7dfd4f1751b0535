"""What every metric demands of its two pictures."""

from __future__ import annotations

import torch

TOLERANCE = 1e-3


def check_pair(prediction: torch.Tensor, target: torch.Tensor) -> None:
    """Refuse a pair that no metric should be computed on.

    Truths come from uint8 pictures, so they are multiples of 1/255; a tensor that is not is a prediction in the
    truth's place.

    Raises:
        ValueError: shapes that differ or are not (N, 1, H, W), no image, a value that is NaN or outside [0, 1], or a
            target that is no truth.
    """
    if prediction.shape != target.shape or prediction.ndim != 4 or prediction.shape[1] != 1 or not prediction.numel():
        raise ValueError(
            f"prediction {tuple(prediction.shape)} and target {tuple(target.shape)} must both be (N, 1, H, W), N > 0"
        )
    for name, tensor in (("prediction", prediction), ("target", target)):
        if not tensor.is_floating_point() or not bool(((tensor >= 0) & (tensor <= 1)).all()):
            raise ValueError(f"{name} must be floating point with every value in [0, 1]")
    steps = target.float() * 255
    if bool(((steps - steps.round()).abs() > TOLERANCE).any()):
        raise ValueError("target is not a truth in steps of 1/255; are prediction and target swapped?")
