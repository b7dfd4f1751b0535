"""Invalid pixels count in no metric: whatever is predicted there, and as if the image ended there."""

from __future__ import annotations

import pytest
import torch

from loss_study import metrics
from loss_study.evaluation.per_image import depth, mask
from loss_study.metrics.boundary_f import boundary_f
from loss_study.metrics.counting import Counts
from loss_study.metrics.headline import Headline
from loss_study.metrics.masks import Masks
from loss_study.metrics.ssim import ssim_map
from loss_study.metrics.thresholds import best_threshold
from loss_study.metrics.verdict import collapse

SIZE = 24


def images_of_depth(seed=0, images=3):
    generator = torch.Generator().manual_seed(seed)
    target = torch.randint(1, 256, (images, 1, SIZE, SIZE), generator=generator) / 255
    prediction = (0.7 * target + 0.3 * torch.rand(target.shape, generator=generator)).clamp(1 / 255, 1)
    return {"prediction": prediction, "target": target}


def left_half(images=3):
    valid = torch.zeros(images, 1, SIZE, SIZE)
    valid[..., : SIZE // 2] = 1
    return valid


def cropped(pair):
    return {name: tensor[..., : SIZE // 2].contiguous() for name, tensor in pair.items()}


@pytest.mark.parametrize("module", [mask, depth], ids=["mask", "depth"])
def test_values_are_those_of_the_valid_part(module):
    """But for ssim's mirror at the border of the image, and boundary_f's tolerance, which a crop changes."""
    pair = images_of_depth()
    whole, part = module.columns(**pair, valid=left_half()), module.columns(**cropped(pair))
    for name in whole.keys() - {"ssim", "boundary_f"}:
        torch.testing.assert_close(whole[name], part[name], msg=name)


@pytest.mark.parametrize("module", [mask, depth], ids=["mask", "depth"])
@pytest.mark.parametrize("name", ["prediction", "target"])
def test_values_at_invalid_pixels_do_not_matter(module, name):
    pair, valid = (
        images_of_depth(),
        (torch.rand(3, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(1)) < 0.8).float(),
    )
    foreground = {"foreground": pair["target"]} if module is depth else {}
    values = module.columns(**pair, valid=valid, **foreground)
    changed = {**pair, name: torch.where(valid > 0, pair[name], 1.0)}
    others = module.columns(**changed, valid=valid, **foreground)
    assert set(values) == set(others)
    for column, numbers in values.items():
        torch.testing.assert_close(numbers, others[column], msg=column)
    without = module.columns(**pair)
    assert any((values[column] - numbers).abs().max() > 1e-3 for column, numbers in without.items()), "they counted"


@pytest.mark.parametrize(
    ("module", "pair"), [(mask, images_of_depth()), (depth, images_of_depth())], ids=["mask", "depth"]
)
def test_a_map_of_valid_pixels_only_changes_nothing(module, pair):
    values, same = module.columns(**pair), module.columns(**pair, valid=torch.ones_like(pair["target"]))
    for name, numbers in values.items():
        torch.testing.assert_close(numbers, same[name], msg=name)


@pytest.mark.parametrize(("head", "module"), [("mask", mask), ("depth", depth)])
def test_an_image_without_a_valid_pixel_has_no_value(head, module):
    pair, valid = images_of_depth(), torch.ones(3, 1, SIZE, SIZE)
    valid[1] = 0
    values = module.columns(**pair, valid=valid)
    for name, numbers in values.items():
        if name not in Counts._fields:
            assert numbers.isnan().tolist() == [False, True, False], name
    kept = {name: tensor[[0, 2]] for name, tensor in pair.items()}
    expected = module.summary(module.columns(**kept))
    assert module.summary(values) == pytest.approx(expected)
    headline = Headline(head)
    headline.add(**pair, valid=valid)
    best = {} if head == "depth" else {"threshold": best_threshold(**kept)}
    name = metrics.HEADLINE[head].removesuffix(metrics.AT_BEST)
    assert headline.value == pytest.approx(module.columns(**kept, **best)[name].mean().item())


def test_an_outline_does_not_run_along_invalid_pixels():
    """A square whose right half is invalid: its outline has three sides, and none where the valid pixels end."""
    square = torch.zeros(1, 1, 64, 64, dtype=torch.bool)
    square[..., 20:40, 20:40] = True
    valid = torch.ones_like(square)
    valid[..., 30:] = False
    assert boundary_f(Masks(square, square, valid)).item() == 1
    longer = square.clone()
    longer[..., 20:40, 40:60] = True
    assert boundary_f(Masks(longer, square, torch.ones_like(square))).item() < 0.9
    assert boundary_f(Masks(longer, square, valid)).item() == 1, "where they differ, no pixel is valid"


def test_the_threshold_is_found_on_valid_pixels():
    """The left half asks for 0.7, the right half, which is invalid, for 0.2."""
    target = torch.zeros(1, 1, 2, 8)
    target[..., :2] = target[..., 4:6] = 1
    prediction = torch.tensor([0.75, 0.75, 0.65, 0.65, 0.25, 0.25, 0.15, 0.15]).repeat(1, 1, 2, 1)
    valid = torch.zeros(1, 1, 2, 8)
    valid[..., :4] = 1
    threshold = best_threshold(prediction=prediction, target=target, valid=valid)
    assert 0.65 <= threshold < 0.75
    assert best_threshold(prediction=prediction, target=target, valid=0 * valid) == 0.5


def test_collapse_looks_at_valid_pixels():
    target = torch.zeros(2, 1, 8, 8)
    target[..., :2] = 1
    prediction, valid = target.clone(), torch.ones_like(target)
    prediction[..., 0] = prediction[..., 1] = 0
    prediction[..., 7] = 1
    assert collapse("mask", prediction=prediction, target=target) == ""
    valid[..., 7] = 0
    assert collapse("mask", prediction=prediction, target=target, valid=valid) == "all background"
    ramp = torch.linspace(0, 255, 8).round().div(255).expand(2, 1, 8, 8)
    flat = torch.where(valid > 0, 0.5, ramp)
    assert collapse("depth", prediction=flat, target=ramp) == ""
    assert collapse("depth", prediction=flat, target=ramp, valid=valid) == "constant depth"


def test_ssim_is_that_of_the_pixels_a_window_sees():
    """At valid pixels the formula with weighted moments, written out with a window that skips the invalid ones."""
    generator = torch.Generator().manual_seed(5)
    x, y = torch.rand(2, 1, 1, 9, 9, generator=generator, dtype=torch.float64)
    valid = (torch.rand(1, 1, 9, 9, generator=generator) < 0.6).double()
    offsets = torch.arange(-1, 2)
    gauss = torch.exp(-0.5 * (offsets.double() / 1.5) ** 2)
    found = ssim_map(x, y, valid, window=3)
    for row, column in [(4, 4), (2, 6), (7, 3)]:
        rows, columns = (row + offsets)[:, None], (column + offsets)[None]
        weights = gauss[:, None] * gauss[None] * valid[0, 0][rows, columns]
        weights = weights / weights.sum()
        a, b = x[0, 0][rows, columns], y[0, 0][rows, columns]
        ma, mb = (weights * a).sum(), (weights * b).sum()
        va, vb = (weights * a * a).sum() - ma**2, (weights * b * b).sum() - mb**2
        cov = (weights * a * b).sum() - ma * mb
        c1, c2 = 0.01**2, 0.03**2
        expected = (2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2))
        assert found[0, 0, row, column].item() == pytest.approx(expected.item(), abs=1e-9)
    assert ssim_map(x, y, torch.zeros_like(valid), window=3).eq(1).all()
