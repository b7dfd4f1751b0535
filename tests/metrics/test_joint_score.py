"""The joint score by hand."""

import numpy as np
import pytest
import torch

from loss_study import losses, metrics
from loss_study.data.batches import Batch, Batches, Target
from loss_study.heads import HEADS, JOINT
from loss_study.metrics.joint_score import JOINT_SCORE, joint_score
from loss_study.training.joint import phase
from loss_study.training.joint.objective import JointObjective


def test_it_is_the_mean_share_of_a_constants_error_that_is_gone():
    """Of the mask's error of 0.8 half is gone, of the depth's of 0.2 three quarters."""
    assert joint_score({"mask": 0.6, "depth": 0.05}, {"mask": 0.2, "depth": 0.2}) == pytest.approx((0.5 + 0.75) / 2)


def test_a_constant_has_0_and_the_ground_truth_1():
    constants = {"mask": 0.2, "depth": 0.2}
    assert joint_score(constants, constants) == 0
    assert joint_score({"mask": 1.0, "depth": 0.0}, constants) == 1
    assert joint_score({"mask": 0.2, "depth": 0.4}, constants) == -0.5


def test_a_head_that_a_constant_solves_counts_nothing():
    assert joint_score({"mask": 1.0, "depth": 0.1}, {"mask": 1.0, "depth": 0.2}) == 0.25


def test_it_is_the_metric_of_a_joint_training():
    assert metrics.headline_of(JOINT) == JOINT_SCORE and metrics.rises(JOINT)
    assert metrics.is_better(JOINT, 0.2, 0.1) and not metrics.is_better(JOINT, float("nan"), -1.0)


def test_the_constants_are_the_better_of_all_and_none_and_the_mean_depth(sample):
    """All foreground has the share of the foreground for its IoU; the RMSE is that of the training split's mean."""
    objective = JointObjective({head: losses.load("l1") for head in HEADS}, None)
    batches = Batches(sample, "validation", HEADS, 4, torch.device("cpu"))
    found = phase.headlines(objective, batches, phase.constant_predictions(sample))
    rows = sample.rows("validation")
    shares = (sample.masks[rows] > 127).mean(axis=(1, 2))
    errors = sample.depths[rows] / 65535 - sample.depths[sample.rows("train")].mean() / 65535
    assert found["mask"] == pytest.approx(shares.mean())
    assert found["depth"] == pytest.approx(np.sqrt((errors**2).mean(axis=(1, 2))).mean(), rel=1e-5)


def test_the_constant_of_several_classes_is_the_most_frequent_one():
    class Sample:
        def __init__(self):
            self.statistics = {"class_shares": [0.2, 0.7, 0.1], "depth_mean": 0.4}
            self.classes = 3

    targets = {"mask": Target(torch.zeros(2, 3, 5, 5)), "depth": Target(torch.zeros(2, 1, 5, 5))}
    found = phase.constant_predictions(Sample())(Batch(torch.zeros(2, 6, 5, 5), targets))
    assert found["mask"].shape == (2, 3, 5, 5) and found["mask"].argmax(dim=1).unique().tolist() == [1]
    assert found["depth"].unique().tolist() == pytest.approx([0.4])
