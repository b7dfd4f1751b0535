"""The bound after each round."""

import dataclasses

import pytest

from loss_study.metrics import find
from loss_study.report.bound_charts import BOTTOM, TOP, bound_chart
from loss_study.statistics.race import Entry

HISTORY = [
    Entry("mask", find("iou"), 1, 21, "bce", 0.0521, 0.02, ("ssim", "l1"), False, True),
    Entry("mask", find("iou"), 2, 31, "dice", 0.0201, 0.02, (), False, False),
    Entry("depth", find("rmse"), 1, 21, "l1", 0.01, 0.02, (), True, True),
]


def test_bounds_stand_at_their_heights():
    chart = bound_chart(HISTORY, "mask")
    first, second = chart.steps
    assert first.y == TOP and second.y == pytest.approx(BOTTOM - 0.0201 / 0.0521 * (BOTTOM - TOP))
    assert chart.margin_y == pytest.approx(BOTTOM - 0.02 / 0.0521 * (BOTTOM - TOP)) and chart.margin == "margin 0.020"
    assert [(step.bound, step.trials) for step in chart.steps] == [("0.053", "21 trials"), ("0.021", "31 trials")]
    assert first.title.endswith("no other loss is more than 0.053 IoU better than bce; then without ssim and l1")
    assert second.title.endswith("no other compared loss is more than 0.021 IoU better than dice")
    assert "0.053 and 0.021 IoU" in chart.alt and "the margin is 0.020 IoU" in chart.alt


def test_without_a_regret_no_other_loss_is_better():
    chart = bound_chart([HISTORY[0], dataclasses.replace(HISTORY[1], regret_bound=0.0)], "mask")
    assert chart is not None and chart.steps[1].bound == "0.000"
    assert chart.steps[1].title.endswith("no other compared loss is better than dice")


def test_one_round_is_no_chart():
    assert bound_chart(HISTORY, "depth") is None
    unknown = dataclasses.replace(HISTORY[0], regret_bound=None, choice=None)
    assert bound_chart([unknown, HISTORY[1]], "mask") is None
