"""One minus structural similarity: local brightness, contrast and pattern, compared in a sliding window."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import AfterValidator, Field

from loss_study.errors import StudyError
from loss_study.structural_similarity import ssim_map

NOTES = {
    "mask": "Flat background under a window carries no structure, so it is learned last; edges are learned first.",
}


def _odd(value: int) -> int:
    if value % 2 == 0:
        raise ValueError("Input should be odd, so that the window has a centre")
    return value


def loss(
    logits: torch.Tensor,
    target: torch.Tensor,
    *,
    window: Annotated[int, Field(ge=3), AfterValidator(_odd)] = 11,
    sigma: Annotated[float, Field(gt=0)] = 1.5,
) -> torch.Tensor:
    """Return 1 - the mean over pixels of SSIM(sigmoid(logits), target), in [0, 2]; (N, 1, H, W) to (N,).

    Source: Wang, Bovik, Sheikh and Simoncelli, Image Quality Assessment (2004), eq. 13. The formula is in
    `loss_study.structural_similarity`; the mean is over all pixels.
    Minimised by the truth, where it is 0, for every target in [0, 1].

    Args:
        window: side of the Gaussian window in pixels, odd, at most the side of the picture.
        sigma: its standard deviation in pixels.

    Raises:
        StudyError: the window is larger than the picture.
    """
    height, width = target.shape[-2:]
    if window > min(height, width):
        raise StudyError(
            f"loss_options.ssim.window: {window} px do not fit into a picture of {height} x {width}; lower it"
        )
    return 1 - ssim_map(torch.sigmoid(logits), target, window=window, sigma=sigma).mean(dim=(1, 2, 3))
