"""What MLflow gets of a joint training: a run of each head."""

import pytest

from loss_study.config import JointConfig, JointTraining, load_config
from loss_study.joint_trial import history_of, loss_of, record_of
from loss_study.tracking import describe
from loss_study.trial import Trial


@pytest.fixture
def config():
    joint = JointConfig(names=["both"], options={"both": JointTraining(mask="dice", depth="ssim", weighting="mgda")})
    return load_config().model_copy(update={"joint": joint})


def test_parameters_and_stage(config):
    trial = Trial("depth", "both", 0, joint=True)
    found = describe.parameters_of(trial, config)
    assert found["head"] == "depth" and found["loss"] == "both"
    assert (found["joint.mask"], found["joint.depth"], found["joint.weighting"]) == ("dice", "ssim", "mgda")
    assert describe.tags_of(trial, "key", config)["dvc.stage"] == "train_joint@both"
    later = Trial("depth", "both", 3, 2, joint=True)
    assert describe.tags_of(later, "key", config)["dvc.stage"] == "rounds/dvc.yaml:train_joint@2-both"
    assert not any(key.startswith("joint") for key in describe.parameters_of(Trial("depth", "ssim", 0), config))


def test_a_record_and_a_history_are_seen_from_one_head():
    trial, alone = Trial("mask", "both", 0, joint=True), Trial("mask", "dice", 0)
    record = {
        "head": "joint",
        "lr": 0.1,
        "of_heads": {"mask": {"head": "mask", "trained_with": "dice", "metric": "iou"}},
    }
    seen = record_of(trial, record)
    assert (seen["head"], seen["metric"], seen["lr"], loss_of(trial, seen)) == ("mask", "iou", 0.1, "dice")
    row = {"train_loss": 3, "train_loss_mask": 1, "train_loss_depth": 2, "validation": 0.5, "validation_mask": 0.7}
    (of_mask,) = history_of(trial, [row])
    assert (of_mask["train_loss"], of_mask["validation"]) == (1, 0.7)
    assert record_of(alone, {"lr": 0.1}) == {"lr": 0.1} and history_of(alone, [row]) == [row]
    assert loss_of(alone, {}) == "dice" and record_of(trial, {}) == {}
