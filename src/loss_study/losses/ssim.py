"""One minus structural similarity: local brightness, contrast and pattern, compared in a sliding window."""

from __future__ import annotations

from typing import Annotated

from torch import Tensor

from loss_study.losses.shared.base import Loss
from loss_study.losses.shared.options import Condition, Range
from loss_study.losses.shared.pixels import mean, probability
from loss_study.metrics.ssim import ssim_map
from loss_study.runtime.errors import StudyError


def _odd(value: int) -> int:
    if value % 2 == 0:
        raise ValueError("Input should be odd, so that the window has a centre")
    return value


def ssim(
    logits: Tensor,
    target: Tensor,
    *,
    valid: Tensor | None = None,
    window: Annotated[int, Range(ge=3), Condition(_odd)] = 11,
    sigma: Annotated[float, Range(gt=0)] = 1.5,
) -> Tensor:
    """Return 1 - the mean over classes and valid pixels of SSIM(p, target), in [0, 2]; (N, C, H, W) to (N,).

    p is sigmoid(logits), for several classes softmax(logits).
    Source: Wang, Bovik, Sheikh and Simoncelli, Image Quality Assessment (2004), eq. 13. The formula is in
    `loss_study.metrics.ssim`; a window sees valid pixels only.
    Minimised by the ground truth, where it is 0, for every target in [0, 1].

    Args:
        window: side of the Gaussian window in pixels, odd, at most the side of the image.
        sigma: its standard deviation in pixels.

    Raises:
        StudyError: the window is larger than the image.
    """
    height, width = target.shape[-2:]
    if window > min(height, width):
        raise StudyError(
            f"loss_options.ssim.window: {window} px do not fit into an image of {height} x {width}; lower it"
        )
    return 1 - mean(ssim_map(probability(logits), target, valid, window=window, sigma=sigma), valid)


LOSS = Loss(
    ssim,
    multiclass=True,
    notes={
        "mask": "In a window of background alone its gradient is nearly 0 until the prediction is, too (at 1/2 it is "
        "1/600 of that in a window of foreground alone), so background is learned last, and a mask can end as all "
        "foreground.",
        "depth": "Its window has as many pixels in images of any size: in a small share of the image it can miss the "
        "level of the whole depth map (docs/ssim-window.md).",
    },
)
