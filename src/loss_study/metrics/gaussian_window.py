"""Means of images under a Gaussian window, which SSIM is made of."""

from __future__ import annotations

from functools import lru_cache

import torch


def windowed_mean(images: torch.Tensor, valid: torch.Tensor | None, window: int, sigma: float) -> torch.Tensor:
    """Return the mean of every pixel under the window that is centred on it, of the shape of `images`.

    At the border the image is mirrored, its edge pixel not repeated.

    Args:
        images: (..., H, W).
        valid: weight of every pixel in the mean, (N, 1, H, W); None: all weigh the same.
        window: side of the window in pixels, odd.
        sigma: standard deviation of the window in pixels.

    Raises:
        ValueError: the window is larger than the image.
    """
    if valid is None:
        return _blurred(images, window, sigma)
    weights = _blurred(valid, window, sigma)
    return _blurred(images * valid, window, sigma) / torch.where(weights > 0, weights, 1)


def _blurred(images: torch.Tensor, window: int, sigma: float) -> torch.Tensor:
    height, width = images.shape[-2:]
    # Two matrix products: on a CPU several times faster than a convolution with one channel, and without TF32 on a GPU.
    rows = _window_matrix(height, window, sigma, images.dtype, images.device)
    columns = _window_matrix(width, window, sigma, images.dtype, images.device)
    return rows @ (images @ columns.T)


@lru_cache(maxsize=16)
def _window_matrix(size: int, window: int, sigma: float, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """Return (size, size): row i holds the weights that the window centred on pixel i gives to every pixel."""
    radius = window // 2
    if window > size:
        raise ValueError(f"the window of {window} px is larger than the image of {size} px")
    # A tensor made in inference mode could not take part in a later backward pass.
    with torch.inference_mode(mode=False):
        offsets = torch.arange(-radius, radius + 1)
        weights = torch.exp(-0.5 * (offsets.double() / sigma) ** 2)
        neighbours = (torch.arange(size)[:, None] + offsets).abs()
        neighbours = torch.where(neighbours >= size, 2 * size - 2 - neighbours, neighbours)
        matrix = torch.zeros(size, size, dtype=torch.float64)
        matrix.scatter_add_(1, neighbours, (weights / weights.sum()).expand(size, -1).contiguous())
        return matrix.to(device=device, dtype=dtype)
