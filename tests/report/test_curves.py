"""Axes, and curves by epoch."""

from itertools import pairwise
from pathlib import Path

import pytest

from loss_study.report import charts
from loss_study.report.sections import curves
from support.fabricated_study import Study


def test_axis_holds_its_values_at_round_numbers():
    axis = charts.Axis.around([0.79, 0.94])
    assert [text for _, text in axis.labels] == ["0.75", "0.8", "0.85", "0.9", "0.95"]
    assert [place for place, _ in axis.labels] == pytest.approx([0, 25, 50, 75, 100])
    assert axis.percent(0.85) == pytest.approx(50)


@pytest.mark.parametrize("value", [0.407858, 0.0, 0.0755])
def test_axis_around_a_single_value_has_it_in_its_middle(value):
    axis = charts.Axis.around([value, value])
    assert axis.percent(value) == pytest.approx(50, abs=15)
    texts = [text for _, text in axis.labels]
    assert len(set(texts)) == len(texts) and max(map(len, texts)) <= 6


def test_validation_chart_by_hand(study):
    chart = curves.validation_chart(study.ranking("mask"))
    assert (chart.x.low, chart.x.high) == (1, 8)
    dice = next(line for line in chart.lines if line.title == "dice, seed 0")
    x, y = dice.points.split()[-1].split(",")
    final = 0.92 + (0.1 - 0.92) * 0.5**8
    assert float(x) == 100
    assert float(y) == pytest.approx(100 - chart.y.percent(final), abs=0.005)
    collapsed = next(line for line in chart.lines if line.loss == "ssim" and not line.sound)
    assert collapsed.title == "ssim, seed 1 (collapsed: all background)"


def test_training_chart_is_relative_and_skips_what_is_not_finite(study):
    chart = curves.training_chart(study.ranking("depth"))
    diverged = next(line for line in chart.lines if not line.sound)
    # 0.6 of the first epoch, at epoch 2 of 1 to 8; the NaN of epoch 3 is left out.
    assert diverged.points == f"0.00,0.00 {100 / 7:.2f},{100 - chart.y.percent(0.6):.2f}"


def test_one_epoch_is_drawn_as_a_dot(one_seed):
    read = one_seed(["dice"])
    history = Path("runs/1/mask/dice/0/history.csv")
    history.write_text("\n".join(history.read_text().splitlines()[:2]) + "\n")
    points = curves.validation_chart(Study.read().ranking("mask")).lines[0].points.split()
    assert len(points) == 2 and points[0] == points[1]
    assert read.files()["index.html"]


def test_labels_stand_at_the_ends_of_their_lines_and_apart(study):
    chart = curves.validation_chart(study.ranking("mask"))
    labels = {label.loss: label for label in chart.labels}
    # The collapsed trial of ssim does not count: its sound one ends at 0.95.
    final = 0.95 + (0.1 - 0.95) * 0.5**8
    assert labels["ssim"].y == pytest.approx(100 - chart.y.percent(final), abs=0.01)
    places = sorted(label.place for label in chart.labels)
    assert min(b - a for a, b in pairwise(places)) >= 100 * charts.LABEL / chart.height - 1e-9
    assert [label.loss for label in chart.labels] == sorted(labels, key=lambda loss: labels[loss].y)


def test_labels_that_fit_stay_in_the_chart():
    assert charts.apart([0.0, 10.0, 50.0], 5) == [0, 10, 50]
    assert charts.apart([48.0, 49.0, 50.0], 5) == [48, 53, 58]
    assert charts.apart([99.0, 99.0, 100.0], 5) == [90, 95, 100]


def test_a_chart_of_many_losses_is_high_enough_for_their_names():
    lines = tuple(charts.Line(f"loss{n}", True, "0.00,50.00 100.00,50.00", "") for n in range(30))
    chart = charts.CurveChart("", "", charts.Axis.around([0, 1]), charts.Axis.around([0, 1]), lines)
    places = [label.place for label in chart.labels]
    assert min(places) >= -1e-9 and max(places) <= 100 and len(set(places)) == 30
