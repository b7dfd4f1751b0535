"""Where predictions are wrong, by hand."""

import math

import pytest

from loss_study.report.error_analysis import (
    depth_errors_section,
    learning_speed,
    mask_errors_section,
    thresholds,
)
from loss_study.report.error_analysis.evidence import mean, mean_curve
from support.evidence import REGIONS, known, result


def test_kinds_of_errors_by_hand():
    one = known("bce", analysis={"errors": {"regions": REGIONS}})
    assert mask_errors_section.wrong_share(one) == pytest.approx(20 / 1000)
    assert mask_errors_section.excess(one) == pytest.approx(13 / 20)
    assert [mask_errors_section.wrong_in(one, name) for name in REGIONS] == pytest.approx([4 / 20, 12 / 20, 4 / 20])
    assert mask_errors_section.outline_pixels(one) == pytest.approx(0.1)


def test_no_errors_have_no_kind():
    right = {name: {"pixels": 10, "false_positives": 0, "false_negatives": 0} for name in REGIONS}
    one = known("bce", analysis={"errors": {"regions": right}})
    assert (
        mask_errors_section.wrong_share(one),
        mask_errors_section.excess(one),
        mask_errors_section.wrong_in(one, "outline"),
    ) == (0, None, None)


def test_tables_leave_out_what_nobody_has():
    table = mask_errors_section.table([known("dice"), known("bce", analysis={"errors": {"regions": REGIONS}})])
    assert table.losses == ("bce",)
    assert [column.heading for column in table.columns] == [
        "Wrong",
        "False positives",
        "At the outline",
        "Inside",
        "Outside",
    ]
    assert [column.cells for column in table.columns] == [["2.00 %"], ["65 %"], ["60 %"], ["20 %"], ["20 %"]]


def test_threshold_gain_and_spread():
    trials = [result(test={"iou": 0.5, "iou_at_best": 0.6}), result(test={"iou": 0.7, "iou_at_best": 0.7})]
    assert thresholds.threshold_gain(known("bce", trials=trials)) == pytest.approx(0.05)
    assert learning_speed.spread(known("bce", trials=trials), "iou") == pytest.approx(0.2)
    assert learning_speed.spread(known("bce", trials=trials[:1]), "iou") is None


def test_means_pass_over_what_is_undefined():
    analyses = [{"a": {"b": 1.0, "c": [1.0, None]}}, {"a": {"b": None, "c": [3.0, None]}}, {}]
    assert mean(analyses, "a", "b") == 1
    assert mean(analyses, "x", "y") is None
    assert mean_curve(analyses, "a", "c") == [2.0, pytest.approx(math.nan, nan_ok=True)]


def test_a_threshold_that_helps_nobody_is_said_to():
    trials = [result(test={"iou": 0.7, "iou_at_best": 0.701})]
    assert mask_errors_section.sentences([known("bce", trials=trials)]) == [
        "No loss gains 0.005 IoU from another threshold than 0.5, so that does not explain the ranking."
    ]


def depth_errors_of(loss, edges, elsewhere, foreground):
    regions = {"edges": {"rmse": edges}, "elsewhere": {"rmse": elsewhere}, "foreground": {"rmse": foreground}}
    return known(loss, analysis={"errors": {"regions": regions}})


def test_depth_sentences_by_hand():
    l1, dice = depth_errors_of("l1", 0.12, 0.04, 0.05), depth_errors_of("dice", 0.3, 0.25, 0.4)
    assert depth_errors_section.sentences([l1, dice]) == [
        "At depth edges the RMSE of l1 is 3 times that elsewhere, that of dice 1.2 times.",
        "On the objects l1 has the smallest RMSE (0.0500) and dice the largest (0.4000).",
    ]
    assert depth_errors_section.sentences([l1]) == ["At depth edges the RMSE is 3 times that elsewhere."]


def test_mask_sentences_by_hand():
    often_too_much = known("bce", analysis={"errors": {"regions": REGIONS, "calibration": {"error": 0.01}}})
    swapped = {
        name: {
            "pixels": part["pixels"],
            "false_positives": part["false_negatives"],
            "false_negatives": part["false_positives"],
        }
        for name, part in REGIONS.items()
    }
    often_too_little = known("l1", analysis={"errors": {"regions": swapped, "calibration": {"error": 0.2}}})
    assert mask_errors_section.sentences([often_too_much, often_too_little]) == [
        "Of the wrong pixels 60 % are at the outline, which is 10 % of all pixels.",
        "bce has the largest share of false positives (65 % of its wrong pixels), l1 the largest share of false "
        "negatives (65 %).",
        "bce is best calibrated (expected calibration error 0.0100), l1 worst (0.2000).",
    ]
