"""Which stages there are to run, and what belongs together."""

import json

import pytest

from loss_study import decisions
from loss_study.config import JointConfig, JointTraining, load_config
from loss_study.orchestration import tasks
from loss_study.orchestration.tasks import Task, evaluations, trainings, unfinished
from loss_study.runtime.errors import StudyError
from loss_study.trial import trials

MASK = Task("mask-dice", "train@mask-dice")
DEPTH = Task("depth-l1", "train@depth-l1")


def test_every_head_and_loss_is_trained():
    config = load_config()
    found = trainings(config, 1)
    assert len(found) == 2 * 7 and len({task.name for task in found}) == 14
    assert MASK in found and DEPTH in found
    assert evaluations(config, 1) == [Task("mask", "evaluate@mask"), Task("depth", "evaluate@depth")]


def test_a_node_needs_the_parent_of_the_head():
    assert {task.needs for task in trainings(load_config(), 1)} == {("parent@mask",), ("parent@depth",)}


def test_a_combination_has_stages_of_its_own():
    config = load_config()
    loss = config.loss.model_copy(update={"names": ["dice"], "combinations": ["dice_bce"], "heads": ["mask"]})
    assert trainings(config.model_copy(update={"loss": loss}), 1) == [
        MASK,
        Task("mask-dice_bce", "train_combination@mask-dice_bce"),
    ]


def test_a_later_round_has_stages_for_the_losses_that_its_decision_names(tmp_path, monkeypatch):
    loss = load_config().loss.model_copy(update={"combinations": ["dice_bce"]})
    race = load_config().race.model_copy(update={"rounds": [1, 3]})
    config = load_config().model_copy(update={"loss": loss, "seeds": [0, 1, 2], "race": race})
    monkeypatch.chdir(tmp_path)
    decisions.write(config, 2, {"mask": ["dice", "dice_bce"], "depth": []})
    assert trainings(config, 2) == [
        Task("mask-dice", "rounds/dvc.yaml:train@2-mask-dice"),
        Task("mask-dice_bce", "rounds/dvc.yaml:train_combination@2-mask-dice_bce"),
    ]
    needs = ("rounds/dvc.yaml:decide@2", "parent@mask", "train@mask-dice")
    assert trainings(config, 2)[0].needs == needs
    assert evaluations(config, 2) == [Task("mask", "rounds/dvc.yaml:evaluate@2-mask")]
    assert json.loads((tmp_path / "decisions/2/mask/dice.json").read_text()) == {"seeds": [1, 2]}
    assert json.loads((tmp_path / "decisions/2/depth/dice.json").read_text()) == {"seeds": []}


@pytest.mark.parametrize(
    ("changed", "left"),
    [
        ([], []),
        (["train@mask-dice"], [MASK]),
        (["train@depth-l1", "evaluate@depth"], [DEPTH]),
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


def test_where_dvc_fails_one_line_says_so(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dvc.lock").write_text("stages:\n  train@mask-dice:\n    cmd: python stages/train.py mask dice\n")
    monkeypatch.setattr(tasks, "bound", lambda _: ["false"])
    with pytest.raises(StudyError, match="'dvc status' failed, see above"):
        unfinished([MASK, DEPTH])


def test_the_lock_file_of_the_later_rounds_says_that_they_have_run(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    later = Task("mask-dice", "rounds/dvc.yaml:train@2-mask-dice")
    (tmp_path / "rounds").mkdir()
    (tmp_path / "rounds/dvc.lock").write_text("stages:\n  train@2-mask-dice:\n    cmd: python\n")
    monkeypatch.setattr(tasks, "bound", lambda command: ["echo", "{}"])
    assert unfinished([later]) == []


def test_before_the_first_run_all_is_unfinished(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert unfinished([MASK, DEPTH]) == [MASK, DEPTH]


def test_a_joint_training_has_stages_of_its_own_and_no_parent(tmp_path, monkeypatch):
    config = load_config()
    joint = JointConfig(names=["both"], options={"both": JointTraining(mask="dice", depth="l1")})
    race = config.race.model_copy(update={"rounds": [1, 3]})
    config = config.model_copy(update={"joint": joint, "race": race, "seeds": [0, 1, 2]})
    first = "train_joint@both"
    assert trainings(config, 1)[-1] == Task("joint-both", first) and trainings(config, 1)[-1].needs == ()
    assert evaluations(config, 1)[-1] == Task("both", "evaluate_joint@both")
    monkeypatch.chdir(tmp_path)
    decisions.write(config, 2, {"mask": [], "depth": ["both"]})
    later = Task("joint-both", "rounds/dvc.yaml:train_joint@2-both")
    assert trainings(config, 2) == [later]
    assert trainings(config, 2)[0].needs == ("rounds/dvc.yaml:decide@2", first)
    # Not that of the losses on the depth: DVC has no folder of their models, of which there are none.
    assert evaluations(config, 2) == [Task("both", "rounds/dvc.yaml:evaluate_joint@2-both")]
    assert [one.loss for one in trials(config) if one.round == 2] == []
    (tmp_path / "eval/2/joint/both/depth").mkdir(parents=True)
    assert [(one.head, one.loss, one.seed) for one in trials(config) if one.round == 2] == [
        ("depth", "both", 1),
        ("depth", "both", 2),
    ]
