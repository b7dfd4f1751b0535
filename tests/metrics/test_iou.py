"""IoU, of one class and of several."""

import math

import pytest
import torch

from loss_study.metrics.counting import Counts
from loss_study.metrics.iou import class_iou, class_mean_iou, iou, of_class
from loss_study.metrics.masks import above_threshold
from support.predictions import blobs


def counts(*values):
    return Counts(*(torch.tensor(value).double() for value in values))


def test_by_hand():
    assert iou(counts([2, 0, 0], [3, 1, 0], [2, 0, 0])).tolist() == pytest.approx([2 / 7, 0, 1])


def test_it_is_symmetric_and_ideal_where_both_agree():
    pair = blobs()
    binary = (pair["prediction"] > 0.5).float()
    there = iou(Counts.of(above_threshold(binary, pair["target"])))
    assert torch.equal(there, iou(Counts.of(above_threshold(pair["target"], binary))))
    assert iou(Counts.of(above_threshold(binary, binary))).tolist() == [1.0] * 6
    assert iou(Counts.of(above_threshold(1 - binary, binary))).tolist() == [0.0] * 6


def test_a_class_that_is_nowhere_has_no_iou_and_no_part_in_the_mean():
    of_image = counts([[4, 0, 0]], [[1, 0, 2]], [[0, 0, 2]])
    values = class_iou(of_image)[0].tolist()
    assert values[0] == 4 / 5 and math.isnan(values[1]) and values[2] == 0
    assert class_mean_iou(of_image).tolist() == [2 / 5]


def test_the_iou_of_a_class_is_named_after_it():
    metric = of_class("traffic_light")
    assert (metric.name, metric.label) == ("iou_traffic_light", "IoU traffic light")


def test_a_class_in_the_prediction_alone_has_an_iou_of_0_as_its_definition_says():
    assert class_iou(counts([[0]], [[3]], [[0]])).tolist() == [[0]]
    assert "with it in the ground truth or prediction" in of_class("cat").definition
