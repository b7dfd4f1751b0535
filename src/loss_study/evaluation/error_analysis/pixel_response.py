"""How a loss pulls one pixel, by what is predicted there, in an image like those of the study.

The pull is minus the derivative of the loss by the pixel's logit, times the number of pixels: above 0 it raises the
prediction. In this unit that of bce is t - p. A loss of the whole image (dice, rmse, ssim) pulls a pixel according to
the rest of it as well, so the rest is given:

- mask: a disc that covers 8.5 % of the image, as in the original study. The pixels looked at are its centre and one
  far from it. depth: a ramp from the far top to the near bottom; the pixels are at about 1/4 and 3/4 of the range.
- ``start``: every other pixel is predicted as 0.5; ``late``: as 0.05 + 0.9 t, nine tenths of the way to its target.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from loss_study.evaluation.error_analysis.gradients import gradient_of
from loss_study.losses import Loss

FOREGROUND_SHARE = 0.085
PROBABILITIES = torch.arange(1, 100, 2, dtype=torch.float64) / 100


def curves(loss: Loss, head: str, size: int) -> dict[str, Any]:
    """Return the pulls on the pixels of `head` in an image of `size` x `size` pixels.

    Args:
        loss: one whose options are resolved.
        head: "mask" (of one class) or "depth".
        size: side of the image in pixels.

    Returns:
        ``probability``, the 50 predictions 0.01 to 0.99, and ``pixels``, a list of ``name``, ``truth`` (the target)
        and the pulls ``start`` and ``late``, one for every prediction.
    """
    target_HW = _disc(size) if head == "mask" else _ramp(size)
    rests = {"start": torch.full_like(target_HW, 0.5), "late": 0.05 + 0.9 * target_HW}
    return {
        "probability": PROBABILITIES.tolist(),
        "pixels": [
            {
                "name": name,
                "truth": float(target_HW[pixel]),
                **{state: _pull(loss, target_HW, rest, pixel).tolist() for state, rest in rests.items()},
            }
            for name, pixel in _pixels(head, size).items()
        ],
    }


def _pixels(head: str, size: int) -> dict[str, tuple[int, int]]:
    """Return row and column of the pixels looked at, by name."""
    if head == "mask":
        return {"foreground": (size // 2, size // 2), "background": (size // 8, size // 8)}
    return {"near": (round(0.75 * (size - 1)), size // 2), "far": (round(0.25 * (size - 1)), size // 2)}


def _disc(size: int) -> Tensor:
    offset = torch.arange(size, dtype=torch.float64) - size // 2
    distance2 = offset[:, None].square() + offset.square()
    return (distance2 < FOREGROUND_SHARE * size**2 / torch.pi).double()


def _ramp(size: int) -> Tensor:
    return torch.linspace(1, 0, size, dtype=torch.float64)[:, None].expand(size, size)


def _pull(loss: Loss, target_HW: Tensor, rest_HW: Tensor, pixel: tuple[int, int]) -> Tensor:
    """Return the pull on `pixel` for each of `PROBABILITIES`."""
    row, column = pixel
    predictions = rest_HW.repeat(len(PROBABILITIES), 1, 1, 1)
    predictions[:, 0, row, column] = PROBABILITIES
    gradient = gradient_of(loss, loss.output.invert(predictions), target_HW.expand_as(predictions))
    return -gradient[:, 0, row, column] * target_HW.numel()
