"""The SSIM that the loss and the depth metric share."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from loss_study.metrics.ssim import C1, C2, ssim_map


def smooth_images(images=3, height=24, width=40, dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(2 * images, 1, 5, 7, generator=generator, dtype=dtype)
    smooth = F.interpolate(coarse, (height, width), mode="bilinear", align_corners=True)
    noise = torch.rand(smooth.shape, generator=generator, dtype=dtype)
    return (0.8 * smooth + 0.2 * noise).split(images)


def by_definition(x, y):
    """Equation 13 of the paper as it stands, with a convolution, where the window lies inside the image."""
    weights = torch.exp(-0.5 * (torch.arange(-5, 6, dtype=x.dtype) / 1.5) ** 2)
    kernel = (weights[:, None] * weights / weights.sum() ** 2)[None, None]
    mx, my, xx, yy, xy = (F.conv2d(image, kernel) for image in (x, y, x * x, y * y, x * y))
    vx, vy, cxy = xx - mx**2, yy - my**2, xy - mx * my
    return (2 * mx * my + C1) * (2 * cxy + C2) / ((mx**2 + my**2 + C1) * (vx + vy + C2))


def test_agrees_with_the_published_formula_pixel_by_pixel():
    x, y = smooth_images(dtype=torch.float64)
    torch.testing.assert_close(ssim_map(x, y)[..., 5:-5, 5:-5], by_definition(x, y))


def test_agrees_with_scikit_image_where_the_window_lies_inside():
    from skimage.metrics import structural_similarity

    x, y = smooth_images(dtype=torch.float64)
    options = {"data_range": 1.0, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    expected = [structural_similarity(a[0].numpy(), b[0].numpy(), **options) for a, b in zip(x, y, strict=True)]
    assert ssim_map(x, y)[..., 5:-5, 5:-5].mean(dim=(1, 2, 3)).tolist() == pytest.approx(expected, abs=1e-12)


def test_agrees_with_torchmetrics_up_to_the_border():
    from torchmetrics.functional.image import structural_similarity_index_measure

    x, y = smooth_images(dtype=torch.float64)
    _, expected = structural_similarity_index_measure(
        x, y, data_range=1.0, sigma=1.5, reduction="none", return_full_image=True
    )
    torch.testing.assert_close(ssim_map(x, y), expected)


@pytest.mark.parametrize("place", [(0, 0), (0, 7), (15, 15), (3, 0)])
def test_the_border_is_taught(place):
    flat = torch.full((1, 1, 16, 16), 0.5, dtype=torch.float64)
    wrong = flat.clone()
    wrong[0, 0, place[0], place[1]] += 0.1
    centre = flat.clone()
    centre[0, 0, 8, 8] += 0.1
    assert (1 - ssim_map(wrong, flat)).sum() > 0.25 * (1 - ssim_map(centre, flat)).sum()


def test_is_one_for_equal_images_and_symmetric():
    x, y = smooth_images()
    assert torch.equal(ssim_map(x, x), torch.ones_like(x))
    torch.testing.assert_close(ssim_map(x, y), ssim_map(y, x))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_never_above_one_even_where_variances_drown_in_rounding(dtype):
    x, y = smooth_images()
    faint_x, faint_y = (0.5 + 0.1 * x).to(dtype), (0.5 + 0.1 * y).to(dtype)
    values = ssim_map(faint_x, faint_y)
    assert values.max() <= 1
    assert values.min() >= -1
    if dtype == torch.bfloat16:
        assert by_definition(faint_x, faint_y).abs().max() > 1.05, "the pair is one that breaks the plain formula"


def test_a_result_under_inference_mode_does_not_spoil_later_training():
    x, y = smooth_images(height=17, width=19)
    with torch.inference_mode():
        ssim_map(x, y)
    x = x.clone().requires_grad_()
    ssim_map(x, y).sum().backward()
    assert x.grad.isfinite().all()


@pytest.mark.parametrize(("height", "width"), [(10, 40), (40, 10)])
def test_an_image_smaller_than_the_window_is_refused(height, width):
    with pytest.raises(ValueError, match="window of 11 px is larger than the image of 10 px"):
        ssim_map(*smooth_images(height=height, width=width))
