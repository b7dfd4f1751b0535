"""Structural similarity (SSIM): the metric of the depth, and the map of it that the loss `ssim` shares.

Source: Wang, Bovik, Sheikh and Simoncelli, Image Quality Assessment: From Error Visibility to Structural Similarity
(2004), eq. 13:

    SSIM = (2 mx my + C1) (2 cxy + C2) / ((mx^2 + my^2 + C1) (vx + vy + C2))

with means m, variances v and covariance c under a Gaussian window, C1 = 0.01^2 and C2 = 0.03^2 for values in [0, 1].
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from loss_study.metrics.base import Metric

if TYPE_CHECKING:
    from torch import Tensor

C1 = 0.01**2
C2 = 0.03**2

#: The metric is the mean of `ssim_map` over the pixels of an image.
SSIM = Metric(
    "ssim", "SSIM", "Structural similarity of the coded depth maps: 1 is equal, 0 unrelated.", lowest=-1, highest=1
)


def ssim_map(
    x_NCHW: Tensor,
    y_NCHW: Tensor,
    valid_N1HW: Tensor | None = None,
    *,
    window: int = 11,
    sigma: float = 1.5,
) -> Tensor:
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
    import torch  # noqa: PLC0415

    from loss_study.metrics.gaussian_window import windowed_mean  # noqa: PLC0415

    sums, differences = x_NCHW + y_NCHW, x_NCHW - y_NCHW
    moments = torch.stack([sums, differences, sums.square(), differences.square()])
    mean_s, mean_d, mean_ss, mean_dd = windowed_mean(moments, valid_N1HW, window, sigma)
    square_s, square_d = mean_s.square(), mean_d.square()
    variance_s, variance_d = (mean_ss - square_s).clamp_min(0), (mean_dd - square_d).clamp_min(0)
    luminance = (square_s - square_d + 2 * C1) / (square_s + square_d + 2 * C1)
    structure = (variance_s - variance_d + 2 * C2) / (variance_s + variance_d + 2 * C2)
    return luminance * structure
