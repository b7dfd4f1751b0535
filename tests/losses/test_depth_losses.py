"""Losses for depth maps: values worked out by hand, and what they do not see."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import yaml

from loss_study import combination, composition, losses
from loss_study.runtime.errors import StudyError


def depths(images=3, size=16):
    """Two random pictures (N, 1, H, W), between 0.1 and 0.9."""
    generator = torch.Generator().manual_seed(0)
    return [0.1 + 0.8 * torch.rand(images, 1, size, size, generator=generator) for _ in range(2)]


def values(name, prediction, target, **options):
    """The loss of a prediction in [0, 1]."""
    return losses.build(name, **options)(torch.logit(prediction), target)


def row(*numbers):
    return torch.tensor(numbers).view(1, 1, 1, -1)


def test_berhu_values():
    # Errors 0.1 and 0.5, the threshold is 0.1: |0.1|, and (0.25 + 0.01) / 0.2.
    found = values("berhu", row(0.6, 0.9), row(0.5, 0.4))
    torch.testing.assert_close(found, torch.tensor([(0.1 + 1.3) / 2]))


def test_berhu_up_to_the_largest_error_is_l1():
    prediction, target = depths()
    torch.testing.assert_close(values("berhu", prediction, target, share=1.0), values("l1", prediction, target))


def test_the_gradient_of_berhu_takes_the_threshold_as_given():
    prediction, target = depths(images=1, size=4)
    logits = torch.logit(prediction).requires_grad_()
    losses.build("berhu")(logits, target).sum().backward()
    error = prediction - target
    threshold = 0.2 * error.abs().max()
    by_prediction = torch.where(error.abs() <= threshold, error.sign(), error / threshold) / error.numel()
    torch.testing.assert_close(logits.grad, by_prediction * prediction * (1 - prediction))


def test_silog_values():
    # log ratios a = log 2 and 0: mean of the squares a^2 / 2, square of the mean a^2 / 4.
    prediction, target = row(0.59, 0.29), row(0.29, 0.29)
    a = math.log(2)
    for focus, expected in ((0.0, a**2 / 2), (0.5, a**2 * (1 / 2 - 1 / 8)), (1.0, a**2 / 4)):
        torch.testing.assert_close(values("silog", prediction, target, focus=focus), torch.tensor([expected]))


def test_silog_with_all_its_focus_sees_no_common_factor():
    _, target = depths()
    scaled = 0.6 * (target + 0.01) - 0.01
    assert values("silog", scaled, target, focus=1.0).abs().max() < 1e-6
    assert (values("silog", scaled, target, focus=0.5) > 0.1).all()


def test_silog_is_finite_and_teaches_where_the_depth_is_nothing():
    target = row(0.0, 0.0)
    logits = torch.tensor([-2.0, 3.0]).view(1, 1, 1, 2).requires_grad_()
    losses.build("silog")(logits, target).sum().backward()
    assert logits.grad.isfinite().all() and (logits.grad > 0).all()


@pytest.mark.parametrize(("scale", "shift"), [(0.5, 0.3), (1.2, -0.1), (-0.9, 0.95)])
def test_ssi_does_not_see_scale_and_shift(scale, shift):
    prediction, target = depths()
    moved = scale * prediction + shift
    torch.testing.assert_close(values("ssi", moved, target), values("ssi", prediction, target), atol=1e-5, rtol=1e-4)
    assert values("ssi", scale * target + shift, target).abs().max() < 1e-5


def test_ssi_is_what_the_best_straight_line_leaves():
    prediction, target = depths()
    expected = []
    for p, t in zip(prediction.flatten(1).double().numpy(), target.flatten(1).double().numpy(), strict=True):
        _, (residual,), _, _ = np.linalg.lstsq(np.stack([p, np.ones_like(p)], axis=1), t, rcond=None)
        expected.append(residual / t.size / 2)
    torch.testing.assert_close(values("ssi", prediction, target), torch.tensor(expected, dtype=torch.float32))


def test_ssi_of_a_flat_prediction_is_half_the_variance():
    _, target = depths()
    logits = torch.zeros_like(target).requires_grad_()
    found = losses.build("ssi")(logits, target)
    found.sum().backward()
    torch.testing.assert_close(found, target.flatten(1).var(dim=1, correction=0) / 2)
    assert logits.grad.isfinite().all()


def test_gradient_values():
    # Errors 0.1, 0.3 above 0, 0.2: to the right 0.2 and 0.2, downwards 0.1 and 0.1.
    prediction = 0.5 + torch.tensor([[0.1, 0.3], [0.0, 0.2]]).view(1, 1, 2, 2)
    found = values("gradient", prediction, torch.full_like(prediction, 0.5), scales=1)
    torch.testing.assert_close(found, torch.tensor([0.3]))


def test_gradient_at_every_second_pixel():
    prediction, target = depths()
    second = values("gradient", prediction[..., ::2, ::2], target[..., ::2, ::2], scales=1)
    both = values("gradient", prediction, target, scales=1) + second
    torch.testing.assert_close(values("gradient", prediction, target, scales=2), both)


def test_gradient_does_not_see_a_shift_but_a_scale():
    target = 0.1 + 0.5 * depths()[1]
    assert values("gradient", target + 0.2, target).abs().max() < 1e-5
    assert (values("gradient", target * 1.5, target) > 0.1).all()


def test_gradient_needs_a_picture_for_its_last_scale():
    prediction, target = depths(size=8)
    values("gradient", prediction, target, scales=3)
    with pytest.raises(StudyError, match=r"loss_options\.gradient\.scales: 4 do not fit into a picture of 8 x 8"):
        values("gradient", prediction, target, scales=4)


def test_densedepth_is_the_sum_of_the_paper(tmp_path):
    composition.compose(tmp_path / "params.yaml", ["loss=densedepth"])
    study = yaml.safe_load((tmp_path / "params.yaml").read_text())
    options = combination.options_of("densedepth", study["loss_options"])
    prediction, target = depths()
    error = prediction - target
    slopes = error.diff(dim=3).abs().flatten(1).mean(1) + error.diff(dim=2).abs().flatten(1).mean(1)
    similarity = 1 - values("ssim", prediction, target)
    expected = 0.1 * error.abs().flatten(1).mean(1) + slopes + (1 - similarity) / 2
    torch.testing.assert_close(values("densedepth", prediction, target, **options), expected)
