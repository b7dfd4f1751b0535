"""The curves of case_studies/scale: saturating power laws, what they say beyond the largest study, and how often."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from loss_study import metrics
from loss_study.config.composition import composed

CASES = Path(__file__).parents[2] / "case_studies"
IOU, RMSE = metrics.find("iou_at_best"), metrics.find("rmse_coded")
X = np.array([162, 520, 1300, 2600, 10400.0])
FULL = 400_000.0


@pytest.fixture
def fits(scale_modules):
    return scale_modules("fits")


def law(x, limit=0.8, drop=0.35, exponent=0.5):
    return limit - drop * (np.asarray(x) / X[0]) ** -exponent


def answers(ladder, means, images=X, head="mask"):
    """A rung for each of `images`, with these means of each loss."""
    metric = "iou_at_best" if head == "mask" else "rmse_coded"
    return [
        ladder.Answer(
            f"rung{place}",
            head,
            metric,
            "",
            None,
            None,
            {loss: float(values[place]) for loss, values in means.items()},
            dict.fromkeys(means, 0.004),
            {},
            int(count),
            24,
            16,
            200.0,
        )
        for place, count in enumerate(images)
    ]


def test_a_law_without_noise_is_found(fits):
    curves = fits.fit(IOU, X, law(X), np.full(5, 1e-6), np.random.default_rng(0))
    assert (curves.limits[0], curves.drops[0], curves.exponents[0]) == pytest.approx((0.8, 0.35, 0.5), abs=1e-3)
    assert curves.bounds(FULL)[0] == pytest.approx(law(FULL), abs=1e-4)


def test_an_error_falls_to_its_limit_and_not_below_0(fits):
    errors = 0.05 + 0.1 * (X / X[0]) ** -1.0
    curves = fits.fit(RMSE, X, errors, np.full(5, 1e-6), np.random.default_rng(0))
    assert curves.bounds(FULL)[0] == pytest.approx(0.05, abs=1e-3)
    falling = fits.fit(RMSE, X, 0.1 - 0.02 * np.log10(X / X[0]), np.full(5, 0.02), np.random.default_rng(0))
    assert falling.bounds(1e12)[1] == 0.0


def test_more_images_never_make_a_loss_worse(fits):
    curves = fits.fit(IOU, X, np.array([0.6, 0.59, 0.58, 0.57, 0.56]), np.full(5, 0.01), np.random.default_rng(0))
    assert curves.drops[0] == 0 and curves.bounds(FULL)[0] == pytest.approx(0.58)


@pytest.mark.parametrize("truth", [(0.8, 0.35, 0.5), (1.0, 0.55, 0.1)], ids=["saturates", "nearly a logarithm"])
@pytest.mark.parametrize("rungs", [4, 5])
def test_the_interval_at_400000_images_has_the_truth_in_it_as_often_as_it_says(rungs, truth, fits, monkeypatch):
    """Of 60 made-up ladders; see `fits` for 200 of each kind."""
    monkeypatch.setattr(fits, "RESAMPLES", 100)
    draw = np.random.default_rng(7)
    x, error, hits = X[:rungs], np.full(rungs, 0.01), 0
    for _ in range(60):
        _, low, high = fits.fit(IOU, x, draw.normal(law(x, *truth), error), error, draw).bounds(FULL)
        hits += low <= law(FULL, *truth) <= high
    assert hits / 60 >= 0.85


def test_two_curves_cross_where_they_do_and_only_if_they_surely_do(fits):
    rng = np.random.default_rng(0)
    error = np.full(5, 0.002)
    slow, fast = law(X, 0.9, 0.6, 0.3), law(X, 0.7, 0.3, 0.8)
    curves = [fits.fit(IOU, X, means, error, rng) for means in (slow, fast)]
    x = np.geomspace(X[0], FULL, 10_000)
    (place,) = np.nonzero(np.diff(np.sign(law(x, 0.9, 0.6, 0.3) - law(x, 0.7, 0.3, 0.8))))
    low, high = fits.crossing(*curves, FULL)
    assert low < x[place[0]] < high < 3 * low
    # With 0.7 - 0.3 * r ** -0.8 above 0.9 - 0.6 * r ** -0.3 at first, the slow one wins in the end.
    told = fits.sentences(IOU, {"slow": curves[0], "fast": curves[1]}, FULL, "400,000 images", "training images")
    assert told[0].startswith("Computed, not measured: at 400,000 images, slow 0.8")
    assert told[1] == f"The curves of slow and fast cross between {low:,.0f} and {high:,.0f} training images."
    apart = fits.fit(IOU, X, slow - 0.3, error, rng)
    assert fits.crossing(curves[0], apart, FULL) is None


def test_hours_by_hand(fits):
    # 10 s for 1,000 images of 32 px: 400 times the images, 49 times the pixels, 196,000 s.
    assert fits.hours(10, 1000, 32, at_images=400_000, at_size=224) == pytest.approx(196_000 / 3600)


@pytest.fixture
def on_images(scale_modules):
    """Return the page's module and plan, and made-up answers of the ladder of images; dice is .1 above bce."""
    page, plan, ladder = scale_modules("page"), scale_modules("plan").load(), scale_modules("ladder")
    found = answers(ladder, {"dice": law(X), "bce": law(X) - 0.1})
    names = plan.ladders["images"].rungs
    return page, plan, [replace(one, rung=name) for one, name in zip(found, names, strict=True)]


def test_with_three_rungs_nothing_is_said_and_with_four_it_is_called_computed(on_images):
    page, plan, found = on_images
    assert page.beyond(plan, "images", "mask", found[:3]) is None
    assert page.beyond(plan, "together", "mask", found) is None
    told = page.beyond(plan, "images", "mask", found[:4]).sentences(IOU)
    assert len(told) == 3
    assert told[0].startswith("Computed, not measured: at 400,000 training images of 32 px, dice 0.7")
    # 16 trainings of 5 epochs and 8 of 3 in 200 s: 9.6 s each, 400,000 / 2,600 times the images, 49 times the pixels.
    assert told[1].startswith("A training of 400,000 images at 224 px would take 20 hours of one core, computed")
    assert told[2].startswith("One H200 would take at least 1 min") and told[2].endswith("not measured.")


def test_the_chart_shows_curves_beyond_the_largest_study_to_the_full_number(on_images, scale_modules, tmp_path):
    page, plan, found = on_images
    beyond = page.beyond(plan, "images", "mask", found)
    scale_modules("charts").draw_curves(
        found, beyond.x, beyond.curves, beyond.at, (beyond.unit, "IoU"), tmp_path / "a.svg"
    )
    drawn = (tmp_path / "a.svg").read_text()
    # A dashed line for each of the two losses, both named.
    assert len(re.findall(r"clip-path[^>]*stroke-dasharray: [1-9]", drawn)) == 2
    assert all(f">{text}<" in drawn for text in ("dice", "bce", "training images"))


def test_a_training_step_on_a_gpu_by_hand(scale_modules):
    """One convolution of 1 x 1 from 6 to 4 channels, without bias, of 8 x 8 px: 64 * 6 * 4 products and as many sums.

    Forward once, and backward once for the weights; the images need no gradient.
    """
    gpu = scale_modules("gpu")

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.only = torch.nn.Conv2d(6, 4, 1, bias=False, device="meta", dtype=torch.bfloat16)

        def forward(self, images):
            return {"mask": self.only(images)}

    operations, moved = gpu.step(Network(), 8)
    assert operations == 2 * 2 * 64 * 6 * 4
    # Images and outputs of 2 bytes are each touched twice at least.
    assert moved >= 2 * 2 * 64 * (6 + 4)


def test_hours_on_a_gpu_grow_with_images_and_pixels(scale_modules):
    gpu = scale_modules("gpu")
    config = composed([])
    assert gpu.hours(config, 2000, 64) == pytest.approx(2 * gpu.hours(config, 1000, 64))
    # The statistics of the normalisation are moved once for a batch, whatever the pixels.
    assert gpu.hours(config, 1000, 128) == pytest.approx(4 * gpu.hours(config, 1000, 64), rel=0.01)


def test_the_page_has_curves_only_of_four_rungs_or_more(scale_modules):
    page, plan = scale_modules("page"), scale_modules("plan").load()
    text = (CASES / "../docs/scale.md").read_text()
    ran = [sum(plan.results(rung).exists() for rung in one.rungs) for one in plan.ladders.values() if one.fit]
    assert ("Computed, not measured" in text) == (max(ran) >= page.fits.LEAST_RUNGS)
