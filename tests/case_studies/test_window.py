"""The windows of SSIM in case_studies/window: what is shown of them, and what must not be said."""

import dataclasses
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from loss_study.runtime.errors import StudyError

CASES = Path(__file__).parents[2] / "case_studies"
WINDOWS = {"narrow": 5, "ssim": 11, "wide": 23}


@pytest.fixture
def findings(window_modules):
    return window_modules("findings")


@pytest.fixture
def compared(findings):
    """Return a function that makes a comparison of 12 trainings each, of which nothing is shown without a sign."""

    def make(size, loss, other, sign, *, aligned=False):
        metric = findings.ALIGNED if aligned else findings.CODED
        return findings.Comparison(size, metric, loss, other, {1: 140, 0: 90, -1: 4}[sign], 144, bool(sign))

    return make


def study(findings, size, errors, bound=None):
    """Return a study with these errors by both metrics."""
    return findings.Trained(size, {findings.CODED.name: errors, findings.ALIGNED.name: errors}, "wide", bound, 60.0)


def said(findings, found, start, bound=0.00101, *, failed=False):
    """Return the sentences that start with `start`; nothing is shown of the comparisons that `found` lacks."""
    pairs = [*((loss, "rmse") for loss in WINDOWS), *pairwise(WINDOWS)]
    nothing = [
        findings.Comparison(size, metric, *pair, 90, 144, shown=False)
        for size in (32, 64)
        for metric in (findings.CODED, findings.ALIGNED)
        for pair in pairs
    ]
    given = {(one.size, one.metric, one.loss, one.other): one for one in [*nothing, *found]}
    studies = [study(findings, size, {loss: [size / 1000] for loss in WINDOWS}, bound) for size in (32, 64)]
    studies = [dataclasses.replace(one, failed=failed) for one in studies]
    return [one for one in findings.sentences(studies, list(given.values()), WINDOWS) if one.startswith(start)]


def test_a_comparison_by_hand(findings):
    errors = {"narrow": [0.09, 0.12, 0.13, 0.14, 0.15], "wide": [0.1] * 5, "rmse": [0.08, 0.09, 0.091, 0.092, 0.1]}
    found = findings.comparisons([study(findings, 64, errors)], ["narrow", "wide"])
    # Two windows beside rmse and one beside the other, on two metrics.
    assert len(found) == 6
    one = next(one for one in found if (one.loss, one.other, one.metric) == ("narrow", "rmse", findings.CODED))
    # Greater: 0.09 than one of the five, and a tie; the other four than all five.
    assert (one.worse, one.pairs) == (21.5, 25)
    # Of 252 orders 8 or more are as far from the middle: more than 0.05 of 6 comparisons.
    assert not one.shown and one.sign == 0
    apart = study(findings, 64, {"narrow": list(range(10, 18)), "wide": list(range(8)), "rmse": list(range(20, 28))})
    first, second, third = findings.comparisons([apart], ["narrow", "wide"])[:3]
    assert (first.sign, second.sign, third.sign) == (-1, -1, 1) and third.most == "64 of 64"


@pytest.mark.parametrize("shape", [0.5, 4.0, 1000.0])
def test_where_errors_are_distributed_alike_any_difference_is_shown_in_at_most_5_of_100_cases(findings, shape):
    """On two sizes, three windows and a reference: 20 comparisons, which share their trainings."""
    rng = np.random.default_rng(7)

    def alike(size):
        return study(findings, size, {loss: list(rng.gamma(shape, 1.0, 12)) for loss in (*WINDOWS, "rmse")})

    cases = [findings.comparisons([alike(32), alike(64)], list(WINDOWS)) for _ in range(400)]
    assert len(cases[0]) == 20
    # Three standard errors of 0.05 in 400 cases are 0.033.
    assert sum(any(one.shown for one in found) for found in cases) / 400 <= 0.083


def test_means_of_skewed_errors_are_not_tested_because_welchs_intervals_are_too_short():
    rng = np.random.default_rng(7)
    cases = np.ones(2000, dtype=bool)
    for _ in range(20):
        wide, narrow = rng.gamma(1.0, 0.02, (len(cases), 12)), rng.gamma(1.0, 0.002, (len(cases), 12))
        interval = stats.ttest_ind(wide, narrow, axis=-1, equal_var=False).confidence_interval(1 - 0.05 / 20)
        cases &= (interval.low <= 0.018) & (interval.high >= 0.018)
    assert cases.mean() < 0.85


def test_of_losses_that_are_equal_nothing_is_shown(findings):
    rng = np.random.default_rng(3)
    equal = study(findings, 64, {loss: list(rng.gamma(4.0, 0.02, 12)) for loss in (*WINDOWS, "rmse")}, None)
    found = findings.comparisons([equal], list(WINDOWS))
    assert findings.sentences([equal], found, WINDOWS) == [
        "The study at 64 px chooses `wide`.",
        "At 64 px, beside `rmse`, SSIM is not shown to be better or worse with any window.",
    ]


def test_a_bound_is_said_with_the_choice(findings):
    assert said(findings, [], "The study at 64") == [
        "The study at 64 px chooses `wide`: with 95 % confidence, for new seeds, objects and backgrounds, no other of "
        "these losses is more than 0.0011 of the depth range better."
    ]
    assert said(findings, [], "The study at 64", 0.0)[0].endswith("no other of these losses is better.")
    assert "no other of these losses that never failed is" in said(findings, [], "The study at 64", failed=True)[0]


def test_a_window_that_wins_at_one_size_and_loses_at_another_is_named(findings, compared):
    at_32, at_64 = compared(32, "ssim", "rmse", -1), compared(64, "ssim", "rmse", 1)
    assert said(findings, [at_32, at_64], "With a window") == [
        "With a window of 11 px, SSIM is mostly better than `rmse` at 32 px, and mostly worse at 64 px."
    ]
    assert said(findings, [at_32, compared(64, "ssim", "rmse", 0)], "With a window") == []


def test_every_window_is_named_that_is_better_or_worse_than_the_reference(findings, compared):
    found = [compared(32, "narrow", "rmse", 1), compared(32, "ssim", "rmse", -1), compared(32, "wide", "rmse", -1)]
    assert [one for size in (32, 64) for one in said(findings, found, f"At {size} px, beside")] == [
        "At 32 px, beside `rmse`, SSIM is mostly better with windows of 11 px and 23 px, and mostly worse with a "
        "window of 5 px.",
        "At 64 px, beside `rmse`, SSIM is not shown to be better or worse with any window.",
    ]


def test_the_share_decides_only_where_equal_shares_do_alike_and_others_do_not(findings, compared):
    def on_shares(narrow_32, ssim_32, ssim_64, wide_64):
        found = [
            compared(32, "narrow", "rmse", narrow_32),
            compared(32, "ssim", "rmse", ssim_32),
            compared(64, "ssim", "rmse", ssim_64),
            compared(64, "wide", "rmse", wide_64),
        ]
        return said(findings, found, "So the share"), said(findings, found, "Windows that")

    decides, means = on_shares(1, -1, 1, -1)
    assert decides == ["So the share decides: narrow windows are mostly worse than `rmse`, wide ones mostly better."]
    assert means == [
        "Windows that see as much of the image reach, of about 16 % of the side, 0.0320 at 32 px and 0.0640 at 64 px; "
        "of about 34 % of the side, 0.0320 at 32 px and 0.0640 at 64 px."
    ]
    # Not shown of one of the four, all worse, narrow windows better, and equal shares that do the opposite.
    for signs in [(0, -1, 1, -1), (1, 1, 1, 1), (-1, 1, -1, 1), (1, -1, -1, -1)]:
        assert on_shares(*signs) == ([], means)


def test_which_of_two_windows_is_better(findings, compared):
    found = [compared(64, "ssim", "wide", 1), compared(32, "ssim", "wide", -1)]
    assert said(findings, found, "At 64 px, a window") == [
        "At 64 px, a window of 23 px is mostly better than one of 11 px (140 of 144 pairs)."
    ]
    assert said(findings, found, "At 32 px, a window") == [
        "At 32 px, a window of 23 px is mostly worse than one of 11 px (140 of 144 pairs)."
    ]
    assert said(findings, [compared(64, "ssim", "wide", 0)], "At 64 px, a window") == []


def test_the_level_is_what_lacks_only_where_fitting_it_turns_the_order_around(findings, compared):
    def on_level(coded, aligned):
        found = [compared(64, "ssim", "rmse", coded), compared(64, "ssim", "rmse", aligned, aligned=True)]
        return said(findings, found, "What SSIM")

    assert on_level(1, -1) == [
        "What SSIM with a window of 11 px lacks at 64 px is the scale and the level of the whole image: with those "
        "fitted to the ground truth, it is mostly better than `rmse` (140 of 144 pairs)."
    ]
    assert on_level(1, 0) == on_level(1, 1) == on_level(0, -1) == on_level(-1, -1) == []


def test_failed_trainings_are_not_averaged(findings):
    of_answer = {"choice": "ssim", "regret_bound": ""}
    row = {
        "loss": "ssim",
        "verdict": "",
        "seconds": "2.5",
        "rmse_coded": "0.1",
        "rmse_coded_aligned": "0.05",
    } | of_answer
    found = findings.trained(64, [row, row | {"verdict": "collapsed: black", "rmse_coded": ""}])
    assert found.errors["rmse_coded"] == {"ssim": [0.1]} and (found.choice, found.bound) == ("ssim", None)
    assert found.seconds == 5.0
    assert found.failed and not findings.trained(64, [row, row]).failed
    with pytest.raises(StudyError, match="64 px: every training of wide failed"):
        findings.trained(64, [row, row | {"loss": "wide", "verdict": "diverged"}])


def test_windows_are_read_from_the_configuration(window_modules):
    plan = window_modules("plan")
    chosen = plan.load()
    assert plan.windows(chosen.config(64)) == {"ssim_narrow": 5, "ssim": 11, "ssim_wide": 23}
    with pytest.raises(StudyError, match=r"no study has images of 48 px, only of \[32, 64\]"):
        chosen.config(48)


def test_another_study_is_not_taken_for_one_of_these(window_modules, monkeypatch):
    study = window_modules("study")
    monkeypatch.setattr("sys.argv", ["study.py", "64", "--study", ".."])
    with pytest.raises(StudyError, match=r"is not the study of dataset=scenes .* sample.size=64"):
        study.main()


def test_a_study_without_a_report_is_refused(window_modules, tmp_path):
    with pytest.raises(StudyError, match="the study has not been compared"):
        window_modules("study").keep(tmp_path, tmp_path / "32.csv")
    assert not (tmp_path / "32.csv").exists()


def test_the_page_agrees_with_the_results(window_modules, tmp_path, monkeypatch):
    page = window_modules("page")
    text = (CASES / "../docs/ssim-window.md").read_text()
    monkeypatch.setattr(page, "PAGE", tmp_path / "ssim-window.md")
    monkeypatch.setattr(page, "CHARTS", tmp_path / "ssim-window")
    page.main()
    assert (tmp_path / "ssim-window.md").read_text() == text
    drawn = {path.name for path in (tmp_path / "ssim-window").glob("*.svg")}
    assert set(re.findall(r"ssim-window/(\S+\.svg)", text)) == drawn
    assert {path.name for path in (CASES / "../docs/ssim-window").glob("*.svg")} == drawn
