"""Which stages there are to run, and what belongs together."""

import json

import pytest

from loss_study.config import load_config
from loss_study.orchestration import tasks
from loss_study.orchestration.tasks import Task, evaluations, trainings, unfinished

MASK = Task("mask-dice", ("tune@mask-dice", "train@mask-dice"))
DEPTH = Task("depth-l1", ("tune@depth-l1", "train@depth-l1"))


def test_every_head_and_loss_is_searched_then_trained():
    config = load_config()
    found = trainings(config)
    assert len(found) == 2 * 7 and len({task.name for task in found}) == 14
    assert MASK in found and DEPTH in found
    assert evaluations(config) == [Task("mask", ("evaluate@mask",)), Task("depth", ("evaluate@depth",))]


def test_a_combination_has_stages_of_its_own():
    config = load_config()
    loss = config.loss.model_copy(update={"names": ["dice"], "combinations": ["dice_bce"], "heads": ["mask"]})
    assert trainings(config.model_copy(update={"loss": loss})) == [
        MASK,
        Task("mask-dice_bce", ("tune_combination@mask-dice_bce", "train_combination@mask-dice_bce")),
    ]


@pytest.mark.parametrize(
    ("changed", "left"),
    [
        ([], []),
        (["train@mask-dice"], [MASK]),
        (["tune@depth-l1", "train@depth-l1"], [DEPTH]),
        (["evaluate@mask"], []),
    ],
)
def test_only_what_dvc_would_run_is_unfinished(changed, left, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dvc.lock").write_text("stages:\n  train@mask-dice:\n    cmd: python stages/train.py mask dice\n")
    answer = json.dumps({stage: [{"changed deps": {}}] for stage in changed})
    monkeypatch.setattr(tasks, "DVC", ("echo", answer, "#"))
    monkeypatch.setattr(tasks, "bound", lambda command: ["sh", "-c", 'echo "$1"', *command[:2]])
    assert unfinished([MASK, DEPTH]) == left


def test_before_the_first_run_all_is_unfinished(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert unfinished([MASK, DEPTH]) == [MASK, DEPTH]
