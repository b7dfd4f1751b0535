"""The loss `ssim`: values worked out by hand, identities, and the same loss of other libraries."""

from __future__ import annotations

import pytest
import torch

from loss_study.runtime.errors import StudyError
from support.loss_examples import (
    configured,
    soft_pair,
)


@pytest.mark.parametrize(("window", "sigma"), [(11, 1.5), (9, 1.0)])
def test_ssim_agrees_with_torchmetrics(window, sigma):
    from torchmetrics.functional.image import structural_similarity_index_measure

    logits, target = soft_pair(images=3, size=24)
    # torchmetrics derives the side of the window from sigma.
    similarity = structural_similarity_index_measure(
        torch.sigmoid(logits), target, data_range=1.0, sigma=sigma, reduction="none"
    )
    values = configured("ssim", window=window, sigma=sigma)(logits, target)
    torch.testing.assert_close(values, 1 - similarity, atol=1e-5, rtol=0)


def test_ssim_values():
    # Two flat images, 0.5 and t: no structure, only the luminance term.
    target = torch.tensor([0.5, 0.0, 1.0]).view(3, 1, 1, 1).expand(3, 1, 16, 16)
    c1 = 0.01**2
    expected = [0.0, 1 - c1 / (0.25 + c1), 1 - (1 + c1) / (1.25 + c1)]
    torch.testing.assert_close(configured("ssim")(torch.zeros(3, 1, 16, 16), target), torch.tensor(expected))


def test_ssim_window_larger_than_the_image_is_named():
    with pytest.raises(StudyError, match=r"loss_options\.ssim\.window: 17 px do not fit into an image of 16 x 16"):
        configured("ssim", window=17)(*soft_pair(size=16))
    configured("ssim", window=15)(*soft_pair(size=16))


def test_a_window_of_background_pulls_a_600th_as_hard_as_one_of_foreground():
    # Of two flat images SSIM is (2 p t + C1) / (p^2 + t^2 + C1). Its derivative at p = 1/2, where C1 = 0.0001 is small
    # beside 1/4: for t = 0 it is -C1 / (1/4)^2 = -0.0016, for t = 1 it is 2 (1 - 1/4) / (1 + 1/4)^2 = 0.96.
    logits = torch.zeros(2, 1, 16, 16, requires_grad=True)
    target = torch.tensor([0.0, 1.0]).view(2, 1, 1, 1).expand(2, 1, 16, 16)
    configured("ssim")(logits, target).sum().backward()
    assert logits.grad is not None
    background, foreground = logits.grad.sum(dim=(1, 2, 3)).tolist()
    assert background > 0 > foreground
    assert -foreground / background == pytest.approx(600, rel=0.01)
