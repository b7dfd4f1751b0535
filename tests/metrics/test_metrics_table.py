"""The headline metric, its direction, and how metrics are found and shown."""

from __future__ import annotations

import math

from loss_study import metrics
from loss_study.config.consistency import RESERVED_CLASS_NAMES
from loss_study.metrics import iou


def test_better_is_higher_iou_and_lower_rmse():
    assert metrics.is_better("mask", 0.9, 0.8)
    assert not metrics.is_better("mask", 0.8, 0.8)
    assert metrics.is_better("depth", 0.1, 0.2)
    assert not metrics.is_better("depth", 0.2, 0.1)
    for head in ("mask", "depth"):
        assert metrics.is_better(head, 0.5, math.nan)
        assert not metrics.is_better(head, math.nan, 0.5)
        assert not metrics.is_better(head, math.nan, math.nan)


def test_a_metric_is_found_by_the_name_that_files_give_it():
    for name, metric in (metrics.MASK | metrics.DEPTH).items():
        assert metrics.find(name) is metric and metric.name == name
        assert metric.label and metric.definition.endswith(".")
    assert metrics.find("rmse").unit == "m" and not metrics.find("rmse").higher_is_better
    assert metrics.find("rmse_coded").unit == "of the depth range"
    assert metrics.find("delta1_fg").label == "δ < 1.25, foreground"
    assert metrics.find("dice_at_best").definition.endswith("at the threshold that is best on the validation split.")


def test_a_metric_of_several_classes_is_another_one():
    assert metrics.find("iou", classes=3).label == "mIoU" != metrics.find("iou").label
    assert metrics.find("iou_traffic_light", classes=3).label == "IoU traffic light"
    assert metrics.find("rmse", classes=3) is metrics.DEPTH["rmse"]


def test_every_metric_knows_its_possible_values():
    for metric in [*metrics.MASK.values(), *metrics.CLASSES.values(), *metrics.DEPTH.values(), iou.of_class("cat")]:
        lowest = -1 if metric.name in {"ssim", "ssim_fg"} else 0
        assert (metric.lowest, metric.highest) == (lowest, 1 if metric.higher_is_better else math.inf)
    assert [metrics.find("iou").within(value) for value in (-0.2, 0.3, 1.2)] == [0, 0.3, 1]
    assert [metrics.find("home_made").within(value) for value in (-9.0, 9.0)] == [-9, 9]


def test_an_undefined_metric_has_no_direction():
    metric = metrics.find("home_made")
    assert (metric.label, metric.higher_is_better, metric.definition) == ("home made", None, "")
    assert metrics.find("iou_border") == metrics.Metric("iou_border", "iou border", "", None)


def test_the_configuration_reserves_the_names_of_classes_that_would_be_another_metric():
    tables = metrics.MASK | metrics.CLASSES
    assert set(RESERVED_CLASS_NAMES) == {name.removeprefix("iou_") for name in tables if name.startswith("iou_")}


def test_errors_are_shown_finer_than_shares():
    assert metrics.find("iou").show(0.93456) == "0.935"
    assert metrics.find("rmse_coded").show(0.03) == "0.0300"
    assert metrics.find("rmse").show(0.03) == "0.030"
    assert metrics.find("iou").show(None) == "-"


def test_what_rounds_to_zero_is_shown_without_a_sign():
    assert metrics.find("rmse_coded").show(-0.00004) == "0.0000" and metrics.find("iou").show(-0.0004) == "0.000"
    assert metrics.find("rmse_coded").show(-0.00006) == "-0.0001"


def test_a_unit_stands_beside_every_number_that_has_one():
    assert metrics.find("rmse").label_with_unit == "RMSE (m)"
    assert metrics.find("rmse_coded").label_with_unit == "RMSE (coded depth, of the depth range)"
    assert metrics.find("rmse").show_with_unit(1.2344) == "1.234 m"
    assert metrics.find("rmse_coded").show_with_unit(0.08123) == "0.0812 of the depth range"
    assert metrics.find("log10").show_with_unit(0.1) == "0.1000 decades"
    assert metrics.find("iou").label_with_unit == "IoU" and metrics.find("iou").show_with_unit(0.5) == "0.500"
    assert metrics.find("rmse").show_with_unit(None) == "-"


def test_no_two_metrics_share_a_name_or_a_label():
    everything = [*metrics.MASK.values(), *metrics.DEPTH.values()]
    assert len({metric.name for metric in everything}) == len({metric.label_with_unit for metric in everything})
    assert len({metric.name for metric in everything}) == len(everything)


def test_the_headline_says_at_which_threshold():
    assert metrics.headline_of("mask").name == "iou_at_best"
    assert metrics.headline_of("mask").label == "IoU at the threshold chosen on validation"
    assert metrics.headline_of("mask", classes=3).label == "mIoU"
    assert metrics.headline_of("depth", classes=3).label == "RMSE (coded depth)"
