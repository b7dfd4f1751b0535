"""The choice that the first round writes and every round reads."""

import json

import pytest

from loss_study.config import composition, load_config
from loss_study.runtime.errors import StudyError
from loss_study.training import choice
from loss_study.training.choice import Choice
from loss_study.trial import Trial

TRIAL = Trial("mask", "dice_bce", 0)


@pytest.fixture
def study(tmp_path, monkeypatch):
    composition.compose(tmp_path / "params.yaml", ["loss=dice_bce", "recipe=fixed", "recipe.optimizer.lr=0.003"])
    monkeypatch.chdir(tmp_path)
    return load_config()


def test_without_a_search_the_recipes_own_rate_is_written(study):
    choice.write_recipes_own("mask", "dice_bce", study.recipe.optimizer.lr)
    assert choice.read(TRIAL) == Choice(0.003, {})
    assert choice.applied(study, "dice_bce", choice.read(TRIAL)) == study


def test_the_rate_and_the_weights_take_the_place_of_the_configs(study):
    config = choice.applied(study, "dice_bce", Choice(0.1 + 0.2, {"bce": 0.25}))
    assert config.recipe.optimizer.lr == 0.1 + 0.2
    assert config.loss_options["dice_bce"]["terms"] == {"dice": 1.0, "bce": 0.25}
    assert study.recipe.optimizer.lr == 0.003 and study.loss_options["dice_bce"]["terms"]["bce"] == 0.5


def test_a_rate_is_read_as_it_was_written(study):
    written = {"lr": 0.1 + 0.2, "weights": {"bce": 1 / 3}}
    assert choice.of(json.loads(json.dumps(written))) == Choice(0.1 + 0.2, {"bce": 1 / 3})


def test_a_choice_that_was_not_made_says_what_to_run(study):
    with pytest.raises(StudyError, match=r"choice.json: not there; run 'dvc repro train@mask-dice_bce'"):
        choice.read(TRIAL)
