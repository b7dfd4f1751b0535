"""The curves of case_studies/scale: power laws, where one fits."""

import re

import numpy as np
import pytest

from loss_study import metrics

IOU, RMSE = metrics.find("iou_at_best"), metrics.find("rmse_coded")
X = np.array([162, 520, 1300, 2600, 10400.0])


@pytest.fixture
def fits(scale_modules):
    return scale_modules("fits")


def law(x, limit=0.8, drop=0.35, exponent=0.5):
    return limit - drop * (np.asarray(x) / X[0]) ** -exponent


def test_a_law_without_noise_is_found(fits):
    found = fits.fit(IOU, X, law(X), np.full(5, 1e-3))
    assert (found.limit, found.drop, found.exponent) == pytest.approx((0.8, 0.35, 0.5), abs=1e-3)
    assert found.fits and found.at(X) == pytest.approx(law(X), abs=1e-4)


def test_an_error_falls_to_its_limit(fits):
    errors = 0.05 + 0.1 * (X / X[0]) ** -1.0
    found = fits.fit(RMSE, X, errors, np.full(5, 1e-3))
    assert found.at(np.array([1e9])) == pytest.approx(0.05, abs=1e-3)
    assert found.at(X) == pytest.approx(errors, abs=1e-4)


def test_more_images_never_make_a_loss_worse(fits):
    found = fits.fit(IOU, X, np.array([0.6, 0.59, 0.58, 0.57, 0.56]), np.full(5, 0.01))
    assert found.drop == pytest.approx(0, abs=1e-9) and found.at(X) == pytest.approx(np.full(5, 0.58))


def test_the_chance_by_hand(fits):
    """Around a constant 0.58 the means are 2, 1, 0, 1 and 2 errors away: 10 in squares, two more than were fitted."""
    found = fits.fit(IOU, X, np.array([0.6, 0.59, 0.58, 0.57, 0.56]), np.full(5, 0.01))
    # Of two degrees of freedom the chance of at least so much is exp(-10 / 2).
    assert found.chance == pytest.approx(np.exp(-5), rel=1e-6) and not found.fits


def test_means_that_scatter_around_a_law_fit_in_about_95_of_100_cases_and_a_step_never(fits):
    draw = np.random.default_rng(3)
    error = np.full(5, 0.01)
    fitting = sum(fits.fit(IOU, X, draw.normal(law(X), error), error).fits for _ in range(100))
    assert 88 <= fitting <= 99
    step = np.array([0.3, 0.31, 0.5, 0.8, 0.81])
    assert not any(fits.fit(IOU, X, draw.normal(step, error), error).fits for _ in range(20))


def test_a_loss_that_some_study_does_not_compare_has_no_curve_and_one_that_does_not_fit_is_named(fits, made_up):
    step = np.array([0.3, 0.31, 0.5, 0.8, 0.81])
    answers = made_up({"dice": law(X), "bce": law(X) - 0.1, "ssim": step})
    del answers[3].regrets["bce"]
    grown = fits.growth(IOU, list(X), "training images", answers)
    assert list(grown.laws) == ["dice", "ssim"]
    assert grown.sentences() == [
        "A power law of the training images fits the means of dice.",
        "No power law of the training images fits those of ssim.",
    ]


def test_all_losses_are_not_counted_up_where_a_law_fits_each(fits, made_up):
    grown = fits.growth(IOU, list(X), "training images", made_up({"dice": law(X), "bce": law(X) - 0.1}))
    assert grown.sentences() == [
        "A power law of the training images fits the means of each loss that all studies compare."
    ]


@pytest.fixture
def drawn(scale_modules, made_up, tmp_path):
    """Return a function that draws dice, which follows a law, and ssim, which is a step, with or without curves."""

    def draw(curves):
        answers = made_up({"dice": law(X), "ssim": np.array([0.3, 0.31, 0.5, 0.8, 0.81])})
        grown = scale_modules("fits").growth(IOU, list(X), "training images", answers) if curves else None
        scale_modules("charts").draw(answers, IOU, tmp_path / "a.svg", grown)
        return (tmp_path / "a.svg").read_text()

    return draw


def drawn_axes(charts, answers, metric):
    """Return the axes of a chart before it is written."""
    found = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(charts, "_save", lambda figure, path: found.append(figure.axes[0]))
        charts.draw(answers, metric, None)
    return found[0]


def test_the_chart_has_a_curve_only_of_a_loss_that_it_fits(drawn):
    with_curves, without = drawn(curves=True), drawn(curves=False)
    assert ">rung4: 10,400<" in with_curves and ">training images (logarithmic)<" in with_curves
    # The one that does not fit is joined by a dotted line.
    assert [len(re.findall(r"clip-path[^>]*stroke-dasharray: 1", one)) for one in (with_curves, without)] == [1, 0]
    assert ">training images" not in without


def test_the_chart_crosses_out_the_mean_of_a_loss_that_is_not_compared(scale_modules, made_up, tmp_path):
    answers = made_up({"dice": law(X), "ssim": law(X) - 0.1})

    def colours_and_intervals():
        scale_modules("charts").draw(answers, IOU, tmp_path / "a.svg")
        text = (tmp_path / "a.svg").read_text()
        return len(re.findall("LineCollection", text)), text.count("M -3 3") + text.count("M -3 -3")

    assert colours_and_intervals() == (10, 0)
    del answers[2].regrets["ssim"]
    intervals, crosses = colours_and_intervals()
    assert intervals == 9 and crosses > 0


def test_one_wide_interval_does_not_press_the_lines_together(scale_modules, made_up):
    """The axis ends beside the means, 0.45 to 0.76; the interval of one reaches from below 0 to above 1."""
    charts = scale_modules("charts")
    answers = made_up({"dice": law(X), "ssim": law(X) - 0.05})
    answers[0].errors["ssim"] = 0.5
    axes = drawn_axes(charts, answers, IOU)
    low, high = axes.get_ylim()
    assert 0.3 < low < 0.4 and 0.75 < high < 0.85


def test_errors_have_a_logarithmic_axis(scale_modules, made_up):
    """So that one loss of ten times the error does not press the others together."""
    charts = scale_modules("charts")
    answers = made_up({"l1": 0.02 + 0.05 * (X / X[0]) ** -1, "dice": np.full(5, 0.3)})
    axes = drawn_axes(charts, answers, RMSE)
    assert axes.get_yscale() == "log" and axes.get_ylim() == pytest.approx((0.017, 0.353), abs=1e-3)


def test_names_at_the_ends_stay_inside_the_frame_and_apart(scale_modules, made_up):
    """All lines end at the top, where the names have no room around them."""
    charts = scale_modules("charts")
    losses = ["rmse", "dice", "bce", "l1", "huber", "ssim", "weighted_bce"]
    axes = drawn_axes(charts, made_up({loss: law(X) for loss in losses}), IOU)
    heights = sorted(text.get_position()[1] for text in axes.texts)
    assert len(heights) == 7 and heights[0] > 0 and heights[-1] < 1
    assert min(np.diff(heights)) >= charts.GAP - 1e-9
