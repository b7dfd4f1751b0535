"""Which trials a study has, as far as its rounds have come."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from loss_study import decisions
from loss_study.config import JointConfig, JointTraining, load_config, rounds
from loss_study.trial import Trial, decided_seeds, trials, trials_of_round

ROOT = Path(__file__).parents[1]


@pytest.fixture
def config(tmp_path, monkeypatch):
    """Two losses on one head in three rounds of 2, 1 and 2 seeds."""
    default = load_config(ROOT / "params.yaml")
    monkeypatch.chdir(tmp_path)
    loss = default.loss.model_copy(update={"names": ["bce", "dice"], "heads": ["mask"]})
    race = default.race.model_copy(update={"rounds": [2, 3, 5]})
    return default.model_copy(update={"loss": loss, "seeds": [7, 1, 2, 3, 4], "race": race})


FIRST = [Trial("mask", "bce", 7), Trial("mask", "bce", 1), Trial("mask", "dice", 7), Trial("mask", "dice", 1)]


def test_at_first_every_loss_trains_from_the_seeds_of_the_first_round(config):
    assert config.rounds == [[7, 1], [2], [3, 4]]
    assert trials(config) == trials_of_round(config, 1) == FIRST
    assert FIRST[0].run_dir == Path("runs/1/mask/bce/7") and FIRST[0].name == "mask-bce-7"


def test_a_later_round_counts_when_it_is_evaluated_or_asked_for(config, tmp_path):
    decisions.write(config, 2, {"mask": ["dice"]})
    second = Trial("mask", "dice", 2, 2)
    assert trials(config) == FIRST and trials_of_round(config, 2) == [second]
    assert trials(config, through=2) == [*FIRST, second]
    (tmp_path / second.eval_dir).mkdir(parents=True)
    assert second.eval_dir == Path("eval/2/mask/dice/2")
    assert trials(config) == [*FIRST, second]


def test_a_loss_that_comes_back_trains_from_the_seeds_that_it_missed(config):
    decisions.write(config, 2, {"mask": ["dice"]})
    decisions.write(config, 3, {"mask": ["bce", "dice"]})
    assert decided_seeds(3, "mask", "bce") == [2, 3, 4] and decided_seeds(3, "mask", "dice") == [3, 4]
    assert {trial.round for trial in trials_of_round(config, 3)} == {3}


def test_what_an_earlier_study_left_after_the_decision_does_not_count(config, tmp_path):
    decisions.write(config, 2, {"mask": []})
    decisions.write(config, 3, {"mask": ["bce"]})
    for number in "23":
        (tmp_path / "eval" / number / "mask").mkdir(parents=True)
    assert trials(config) == trials(config, through=3) == FIRST


def test_a_round_that_the_study_does_not_have_trains_nothing(config):
    decisions.write(config, 4, {"mask": ["bce"]})
    assert trials_of_round(config, 4) == []


@pytest.mark.parametrize(
    ("count", "ends", "folds", "expected"),
    [
        (20, [3, 6, 12, 20], 5, [5, 5, 5, 5]),
        (20, [3, 6, 12, 20], 10, [10, 10]),
        (20, [3, 6, 12, 20], 3, [3, 3, 6, 8]),
        (20, [4], 3, [6]),
        (4, [3, 6, 12, 20], 5, [4]),
        (7, [3, 6, 12, 20], 5, [5, 2]),
    ],
)
def test_rounds_are_whole_turns_of_the_folds(count, ends, folds, expected):
    divided = rounds.divide(list(range(count)), ends, 7, folds)
    assert list(map(len, divided)) == expected
    assert [seed for of_round in divided for seed in of_round] == list(range(sum(expected)))
    later = list(range(2, len(expected) + 1))
    assert rounds.later(list(range(count)), ends, folds, ["a", "b"]) == later


@pytest.mark.parametrize(
    ("seeds", "ends", "losses", "expected"),
    [
        ([0], [3, 5], 7, [[0]]),
        ([0, 1, 2, 3], [3, 5], 7, [[0, 1, 2], [3]]),
        ([0, 1, 2, 3, 4, 5], [3, 5], 7, [[0, 1, 2], [3, 4]]),
        ([4, 5, 6], [3, 5], 7, [[4, 5, 6]]),
        ([4, 5, 6], [1, 3], 1, [[4]]),
    ],
)
def test_seeds_are_divided_into_rounds(seeds, ends, losses, expected):
    assert rounds.divide(seeds, ends, losses) == expected
    later = list(range(2, len(expected) + 1))
    names = [f"l{number}" for number in range(losses)]
    assert rounds.later(seeds, ends, 1, names) == rounds.later(seeds, ends, 1, names[1:], names[:1]) == later
    assert rounds.previous(seeds, ends, 1, names) == {str(number): number - 1 for number in later}


@pytest.mark.parametrize("stage", ["train.py mask dice", "evaluate.py mask"])
def test_a_stage_with_nothing_to_do_imports_next_to_nothing(config, tmp_path, stage):
    decisions.write(config, 2, {})
    script, *arguments = stage.split()
    heavy = ("torch", "numpy", "pydantic", "yaml", "mlflow")
    program = f"import runpy, sys; sys.modules |= dict.fromkeys({heavy}); "
    program += f"runpy.run_path({str(ROOT / 'stages' / script)!r}, run_name='__main__')"
    subprocess.run([sys.executable, "-c", program, *arguments, "--round", "2"], check=True)
    made = [path for path in tmp_path.rglob("*") if "decisions" not in path.parts]
    assert made and all(path.is_dir() for path in made)


def test_a_joint_training_is_a_trial_of_each_head_and_trains_while_one_asks_for_it(config, tmp_path):
    options = {"both": JointTraining(mask="bce", depth="l1")}
    loss = config.loss.model_copy(update={"heads": ["mask", "depth"], "names": ["bce"]})
    joint = JointConfig(names=["both"], options=options)
    config = config.model_copy(update={"loss": loss, "joint": joint})
    assert config.candidates == ["bce", "both"]
    first = Trial("depth", "both", 1, joint=True)
    assert first in trials(config) and len(trials(config)) == 2 * 2 * 2
    assert first.run_dir == Trial("joint", "both", 1).run_dir == Path("runs/1/joint/both/1")
    assert first.tuning_dir == Path("tuning/joint/both")
    assert first.eval_dir == Path("eval/1/joint/both/depth/1") and first.name == "depth-both-1"
    decisions.write(config, 2, {"mask": ["bce"], "depth": ["both"]})
    decision = tmp_path / "decisions/2/joint/both.json"
    assert json.loads(decision.read_text()) == {"seeds": [2], "heads": ["depth"]}
    assert decided_seeds(2, "joint", "both") == [2]
    assert trials_of_round(config, 2) == [Trial("mask", "bce", 2, 2), Trial("depth", "both", 2, 2, joint=True)]
    decisions.write(config, 2, {"mask": ["bce"], "depth": []})
    assert json.loads(decision.read_text()) == {"seeds": [], "heads": []}
    assert trials_of_round(config, 2) == [Trial("mask", "bce", 2, 2)]


def test_a_joint_training_beside_one_loss_makes_rounds():
    assert rounds.later([0, 1, 2], [1, 3], 1, ["dice"], []) == []
    assert rounds.later([0, 1, 2], [1, 3], 1, ["dice"], [], ["both"]) == [2]
