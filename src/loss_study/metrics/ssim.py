"""Structural similarity (SSIM): the metric of the depth, and the map of it that the loss `ssim` shares.

Source: Wang, Bovik, Sheikh and Simoncelli, Image Quality Assessment: From Error Visibility to Structural Similarity
(2004), eq. 13:

    SSIM = (2 mx my + C1) (2 cxy + C2) / ((mx^2 + my^2 + C1) (vx + vy + C2))

with means m, variances v and covariance c under a Gaussian window, C1 = 0.01^2 and C2 = 0.03^2 for values in [0, 1].
"""

from __future__ import annotations

from functools import lru_cache

import torch

from loss_study.metrics.base import Metric

C1 = 0.01**2
C2 = 0.03**2

#: The metric is the mean of `ssim_map` over the pixels of an image.
SSIM = Metric(
    "ssim", "SSIM", "Structural similarity of the coded depth maps: 1 is equal, 0 unrelated.", lowest=-1, highest=1
)


def ssim_map(
    x_NCHW: torch.Tensor,
    y_NCHW: torch.Tensor,
    valid_N1HW: torch.Tensor | None = None,
    *,
    window: int = 11,
    sigma: float = 1.5,
) -> torch.Tensor:
    """Return the SSIM at every pixel, (N, C, H, W), in [-1, 1]; both images in [0, 1], either may be the target.

    At the border the image is mirrored, its edge pixel not repeated, as torchmetrics does: a loss without windows
    centred on the border would hardly teach it. Under sums s = x + y and differences d = x - y

        SSIM = (ms^2 - md^2 + 2 C1) (vs - vd + 2 C2) / ((ms^2 + md^2 + 2 C1) (vs + vd + 2 C2)),

    which takes four windowed means instead of five, is exactly 1 for equal images, and is never above 1 as long
    as no variance is negative; rounding is kept from making one so.

    Args:
        valid_N1HW: 1 where a pixel counts and 0 where it does not: every mean is then one over the pixels of the
            window that count. Where a window has none, the result is 1. None: all count.
        window: side of the window in pixels, odd.
        sigma: standard deviation of the window in pixels.

    Raises:
        ValueError: the window is larger than the image.
    """
    sums, differences = x_NCHW + y_NCHW, x_NCHW - y_NCHW
    moments = torch.stack([sums, differences, sums.square(), differences.square()])
    mean_s, mean_d, mean_ss, mean_dd = _windowed_mean(moments, valid_N1HW, window, sigma)
    square_s, square_d = mean_s.square(), mean_d.square()
    variance_s, variance_d = (mean_ss - square_s).clamp_min(0), (mean_dd - square_d).clamp_min(0)
    luminance = (square_s - square_d + 2 * C1) / (square_s + square_d + 2 * C1)
    structure = (variance_s - variance_d + 2 * C2) / (variance_s + variance_d + 2 * C2)
    return luminance * structure


def _windowed_mean(images: torch.Tensor, valid: torch.Tensor | None, window: int, sigma: float) -> torch.Tensor:
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
