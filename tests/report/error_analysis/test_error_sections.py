"""Where predictions are wrong, by hand."""

import math

import pytest

from loss_study.report.error_analysis import (
    calibration,
    class_errors_section,
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
    trials = [result(test={"iou": 0.7, "iou_at_best": 0.701})] * 2
    # 0.3 would help, but validation did not choose it.
    curve = {"errors": {"thresholds": [0.3, 0.5], "iou_by_threshold": [0.8, 0.7]}}
    said = "gains or loses 0.005 IoU by the threshold chosen on validation instead of 0.5."
    assert mask_errors_section.sentences([known("bce", analysis=curve, trials=trials)]) == [f"No loss {said}"]
    assert mask_errors_section.sentences([known("bce", trials=trials[:1])]) == [f"No network {said}"]


def depth_errors_of(loss, edges, elsewhere, foreground):
    regions = {
        name: {"rmse_coded": value}
        for name, value in (("edges", edges), ("elsewhere", elsewhere), ("foreground", foreground))
    }
    return known(loss, analysis={"errors": {"regions": regions}})


def test_depth_sentences_by_hand():
    l1, dice = depth_errors_of("l1", 0.12, 0.04, 0.05), depth_errors_of("dice", 0.3, 0.25, 0.4)
    assert depth_errors_section.sentences([l1, dice]) == [
        "At depth edges the RMSE (coded depth) of l1 is 3.0 times that elsewhere, that of dice 1.2 times.",
        "RMSE (coded depth) over all pixels of objects together: "
        "smallest for l1 (0.0500), largest for dice (0.4000 of the depth range).",
    ]
    assert depth_errors_section.sentences([l1]) == [
        "At depth edges the RMSE (coded depth) is 3.0 times that elsewhere."
    ]


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
        "False positives at 0.5 are 35 % (l1) to 65 % (bce) of the wrong pixels, the rest are false negatives.",
        "Expected calibration error of the foreground pixels, as in the chart: smallest for bce (0.010), largest for "
        "l1 (0.200).",
    ]


CLASSES = ("road", "parked_car", "bicycle")


def hardest(pixels, *ious):
    """What is said of the classes of a loss where the test split has so many `pixels` of each."""
    confusion = [[count if place == row else 0 for place in range(3)] for row, count in enumerate(pixels)]
    trials = [result(test={f"iou_{name}": iou for name, iou in zip(CLASSES, ious, strict=False)})]
    regions = {name: {"pixels": 0, "wrong": 0} for name in ("outline", "elsewhere")}
    one = known("dice", analysis={"errors": {"confusion": confusion, "regions": regions}}, trials=trials)
    return class_errors_section.sentences([one], CLASSES)


def test_the_hardest_class_is_named():
    assert hardest((9, 1, 1), 0.9, 0.2, 0.1) == ["The hardest class is bicycle for dice (IoU 0.100; road 0.900)."]


def test_classes_that_are_equally_hard_are_named_together():
    assert hardest((9, 1, 1), 0.9, 0.0, 0.0001) == [
        "The hardest classes are parked car and bicycle for dice (IoU 0.000; road 0.900)."
    ]
    assert hardest((9, 1, 1), 0.5, 0.5, 0.5) == []


def test_a_class_that_the_test_split_does_not_have_is_not_hard():
    # It is predicted somewhere, which is an IoU of 0 there.
    assert hardest((9, 1, 0), 0.9, 0.2, 0.0) == ["The hardest class is parked car for dice (IoU 0.200; road 0.900)."]
    assert hardest((9, 0, 0), 0.9, 0.0, 0.0) == []


def calibrated(loss, error):
    return known(loss, analysis={"errors": {"calibration": {"error": error}}})


def test_losses_that_share_an_extreme_are_named_together():
    evidence = [calibrated("bce", 0.0101), calibrated("l1", 0.0099), calibrated("dice", 0.2)]
    (sentence,) = calibration.sentences(evidence)
    assert "smallest for bce and l1 (0.010), largest for dice (0.200)" in sentence
    depths = [depth_errors_of(loss, 0.12, 0.04, error) for loss, error in (("l1", 0.4), ("bce", 0.1), ("rmse", 0.1))]
    assert "smallest for bce and rmse (0.1000), largest for l1" in depth_errors_section.sentences(depths)[1]


def test_nothing_is_said_of_losses_that_are_alike():
    assert calibration.sentences([calibrated("bce", 0.0101), calibrated("l1", 0.0099)]) == []
    assert calibration.sentences([calibrated("bce", 0.1)]) == [] == calibration.sentences([])
    same = [depth_errors_of(loss, 0.12, 0.04, 0.05) for loss in ("l1", "bce")]
    assert depth_errors_section.sentences(same) == [
        "At depth edges the RMSE (coded depth) is 3.0 times that elsewhere.",
    ]
    wrong = [known(loss, analysis={"errors": {"regions": REGIONS}}) for loss in ("bce", "l1")]
    assert not any("False positives" in sentence for sentence in mask_errors_section.sentences(wrong))
