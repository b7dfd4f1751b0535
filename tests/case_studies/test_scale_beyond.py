"""What case_studies/scale says of more images than any study has: ranges, whether they hold, and the cost."""

from pathlib import Path

import numpy as np
import pytest

from loss_study import metrics

CASES = Path(__file__).parents[2] / "case_studies"
IOU, RMSE = metrics.find("iou_at_best"), metrics.find("rmse_coded")
IMAGES = (162, 520, 1300, 2600)


@pytest.fixture
def beyond(scale_modules):
    return scale_modules("beyond")


def test_the_range_by_hand(beyond, made_up):
    """100, 200 and 400 images, 0.5, 0.6 and 0.65 IoU without errors, at 1,600 images: two doublings more.

    The last doubling gained 0.05, both together 0.15: at most 0.65 + 2 * 0.05, and no less than 0.65.
    """
    answers = made_up({"dice": [0.5, 0.6, 0.65]}, images=(100, 200, 400), error=1e-9)
    found = beyond.ranges(IOU, answers, ["dice"], 1600)["dice"]
    assert (found.low, found.high) == pytest.approx((0.65, 0.75), abs=1e-6)


def test_the_range_of_an_error_by_hand_ends_at_0(beyond, made_up):
    answers = made_up({"l1": [0.5, 0.4, 0.35]}, images=(100, 200, 400), error=1e-9)
    found = beyond.ranges(RMSE, answers, ["l1"], 1600)["l1"]
    assert (found.low, found.high) == pytest.approx((0.25, 0.35), abs=1e-6)
    assert beyond.ranges(RMSE, answers, ["l1"], 1e9)["l1"].low == 0.0


def test_errors_widen_the_range_and_more_losses_too(beyond, made_up):
    means = {"dice": [0.5, 0.6, 0.65], "bce": [0.5, 0.6, 0.65]}
    widths = []
    for error, losses in ((1e-9, ["dice"]), (0.01, ["dice"]), (0.01, ["dice", "bce"])):
        one = beyond.ranges(IOU, made_up(means, images=(100, 200, 400), error=error), losses, 1600)["dice"]
        widths.append(one.high - one.low)
    assert widths[0] < widths[1] < widths[2]
    # One loss, from 400 to 1,600 images: 1.96 errors below, and above no more than 0.75 and 2.24 times the spread of
    # 3 * 0.65 - 2 * 0.6, which is sqrt(9 + 4) errors.
    assert widths[1] == pytest.approx(0.1 + 0.0196 + 2.2414 * 0.01 * 13**0.5, abs=1e-4)


def test_a_loss_that_gains_more_and_more_has_no_range(beyond, made_up):
    means = {"dice": [0.5, 0.51, 0.6]}
    images = (100, 200, 400)
    assert beyond.ranges(IOU, made_up(means, images=images, error=0.005), ["dice"], 1600) == {"dice": None}
    # With larger errors that is not sure.
    assert beyond.ranges(IOU, made_up(means, images=images, error=0.05), ["dice"], 1600)["dice"] is not None


@pytest.mark.parametrize("studies", [4, 5])
def test_the_range_holds_the_truth_of_shapes_that_it_was_not_made_for(studies, scale_modules):
    """Nine shapes, 40 made-up ladders each; one that is no range claims nothing. See coverage.py for more."""
    coverage = scale_modules("coverage")
    missed = {}
    for name, shape in coverage.SHAPES.items():
        draw = np.random.default_rng(11)
        truth = float(shape(coverage.FULL)[0])
        missed[name] = coverage.counts([coverage.ladder(shape, studies, draw) for _ in range(40)], truth)[1]
    assert max(missed.values()) <= 2, missed


def test_power_laws_that_fit_are_far_off_beyond_the_studies(scale_modules):
    """Why none is drawn there: of a shape that saturates in another way, they fit, and are off by more than 0.1."""
    coverage = scale_modules("coverage")
    shape, draw = coverage.SHAPES["Michaelis and Menten, half at 300"], np.random.default_rng(11)
    found = [coverage.ladder(shape, 4, draw) for _ in range(20)]
    off = coverage.errors_of_laws(found, float(shape(coverage.FULL)[0]))
    assert len(off) > 10 and np.median(off) > 0.1


def made(beyond, metric, answers=None, hours=20.4, **bounds):
    """Return what a ladder says with these ranges; None: of a loss without one."""
    found = {loss: beyond.Range(*one) if one else None for loss, one in bounds.items()}
    return beyond.Beyond("scenes", answers, metric, 32, 5, found, hours, 62 / 3600)


def test_only_a_loss_that_is_surely_better_than_all_others_is_called_the_best(beyond):
    assert made(beyond, IOU, dice=(0.8, 0.9), bce=(0.6, 0.79)).possible == ["dice"]
    assert made(beyond, RMSE, l1=(0.02, 0.03), huber=(0.031, 0.05)).possible == ["l1"]


def test_losses_whose_ranges_overlap_may_all_be_the_best(beyond):
    assert made(beyond, IOU, dice=(0.7, 0.9), bce=(0.6, 0.7), l1=(0.5, 0.69)).possible == ["dice", "bce"]


def test_a_loss_without_a_range_may_be_the_best(beyond):
    assert made(beyond, IOU, dice=(0.8, 0.9), bce=(0.6, 0.79), ssim=None).possible == ["dice", "ssim"]
    assert made(beyond, IOU, ssim=None, bce=None).possible == ["ssim", "bce"]


def test_the_table_has_a_column_for_each_ladder(beyond):
    mask = made(beyond, IOU, dice=(0.8, 0.9), bce=(0.6, 0.79), ssim=None)
    depth = made(beyond, RMSE, hours=9.6, l1=(0.02, 0.03), dice=(0.0, 0.05))
    assert beyond.rows([mask, depth]) == [
        ("`dice`", ["0.800 to 0.900", "0.0000 to 0.0500"]),
        ("`bce`", ["0.600 to 0.790", "not compared"]),
        ("`ssim`", ["none: doublings gain more and more", "not compared"]),
        ("`l1`", ["not compared", "0.0200 to 0.0300"]),
        ("can be the best", ["dice and ssim", "any"]),
        ("a training at 224 px, one core", ["20 hours", "10 hours"]),
        ("the same, one H200, never waiting", ["1 min 02 s", "1 min 02 s"]),
    ]
    assert beyond.in_short([mask, depth]) == (
        "On 1 of 2 ladders of images any compared loss can be the best there, computed from what images gain. A "
        "training of them at 224 px would take 10 to 20 hours of one core, and 1 min 02 s of one H200 that never "
        "waits: computed, not measured."
    )
    assert "would take 20 hours of one core" in beyond.in_short([mask])
    assert beyond.in_short([]) == ""


@pytest.fixture
def section(scale_modules, made_up):
    """Return a function that makes the page's section of so many rungs of a ladder."""
    page, plan = scale_modules("page"), scale_modules("plan").load()

    def made(name, count):
        rungs = plan.ladders[name].rungs[:count]
        answers = made_up({"dice": [0.5, 0.6, 0.66, 0.7][:count]}, images=IMAGES[:count], rungs=rungs)
        return page._section(plan, name, answers)

    return made


def test_with_three_rungs_nothing_is_computed_and_with_four_the_cost_too(section):
    few, enough = section("images", 3), section("images", 4)
    assert few.beyond is None and not any("power law" in sentence for sentence in few.sentences)
    assert enough.sentences[-1].startswith("A power law of the training images fits")
    # 16 trainings of 5 epochs and 8 of 3 in 200 s: 9.6 s each, 400,000 / 2,600 times the images, 49 times the pixels.
    assert enough.beyond.core_hours == pytest.approx(200 * 5 / 104 * 400_000 / 2600 * 49 / 3600)
    assert 60 < 3600 * enough.beyond.gpu_hours < 120 and enough.beyond.size == 32


def test_without_a_loss_that_all_studies_compare_nothing_is_computed(scale_modules, made_up):
    """Else "any" of no losses could be the best."""
    page, plan = scale_modules("page"), scale_modules("plan").load()
    answers = made_up({"dice": [0.5, 0.6, 0.66, 0.7]}, images=IMAGES, rungs=plan.ladders["images"].rungs)
    answers[1].regrets.clear()
    found = page._section(plan, "images", answers)
    assert found.beyond is None and not any("power law" in sentence for sentence in found.sentences)


def test_more_epochs_of_the_same_images_say_nothing_of_more_images(section):
    found = section("epochs", 4)
    assert found.beyond is None and found.sentences[-1].startswith("A power law of the images times epochs fits")


def test_the_page_speaks_of_more_images_only_after_four_rungs(scale_modules):
    fits, plan = scale_modules("fits"), scale_modules("plan").load()
    rungs = plan.ladders["images"].rungs
    ran = [sum(one.results(rung).exists() for rung in rungs) for one in plan.datasets()]
    text = (CASES / "../docs/scale.md").read_text()
    assert ("Computed, not measured" in text) == (max(ran) >= fits.LEAST_RUNGS)
