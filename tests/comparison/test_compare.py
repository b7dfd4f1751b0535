"""`loss_study.compare`: a study in one process, on somebody's model and dataset."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import loss_study
from loss_study import losses
from loss_study.comparison.chosen_losses import chosen
from loss_study.runtime.errors import StudyError
from loss_study.statistics.ranking import headlines
from loss_study.statistics.sentences import decision, on_losses
from support.clone import ROOT
from support.their_things import Crashes, Discs, HalfNet, Net, Normalised, Squared

QUICK = {"epochs": 1, "batch_size": 8, "search": {"lr": []}, "threads": 1}


@pytest.fixture(scope="module")
def found():
    """A comparison of three losses from two seeds, with a split of its own."""
    before = torch.random.get_rng_state(), Path.cwd(), torch.get_num_threads()
    splits = {"train": Discs(24), "validation": Discs(8, first=100), "test": Discs(12, first=200)}
    result = loss_study.compare(
        ["bce", losses.Dice(smooth=0.1), Squared], splits, Net, size=16, seeds=2, recipe=QUICK, margin={"mask": 0.5}
    )
    assert torch.equal(torch.random.get_rng_state(), before[0]) and Path.cwd() == before[1]
    assert torch.get_num_threads() == before[2]
    return result


def test_it_prints_a_decision(found):
    (ranking,) = headlines(found.rankings)
    assert str(found).splitlines() == [
        f"mask: {decision(ranking)}",
        *(f"  {sentence}" for sentence in on_losses(ranking)),
    ]
    assert repr(found) == str(found) and set(found.choice) == {"mask"}


def test_its_tables_have_every_loss_and_trial(found):
    answer = found.to_dataframe()
    assert set(answer["loss"]) == {"bce", "dice", "squared"} and answer["mean"].between(0, 1).all()
    trials = found.to_dataframe("compare")
    assert len(trials) == 3 * 2 and set(trials["loss"]) == {"bce", "dice", "squared"}
    with pytest.raises(StudyError, match="no table 'answers'; did you mean 'answer'"):
        found.to_dataframe("answers")


def test_the_report_is_the_page_of_every_study(found, tmp_path):
    page = found.report(tmp_path / "deep" / "report")
    html = page.read_text()
    assert "support.their_things.Squared: Squared error of the probabilities." in html
    assert "24 for train, 8 for validation, 12 for test images" in html
    assert (page.parent / "answer.csv").exists() and list((page.parent / "panels").iterdir())


def test_the_configuration_is_that_of_the_losses_and_the_data(found):
    config = found.config
    assert config.loss.names == ["bce", "dice"] and config.loss.imported == ["squared"]
    assert config.loss_options["dice"] == {"smooth": 0.1} and config.rounds == [[0, 1]]
    assert config.compare.margin.mask == 0.5 and config.recipe.optimizer.options == {"weight_decay": 0.01}


def test_it_says_how_much_of_a_round_is_left(capsys):
    loss_study.compare([losses.Dice(), "bce"], Discs(), Net, size=16, seeds=1, recipe=QUICK, images=24)
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("compare  ")]
    assert said[0].startswith("compare  1 of 2 trainings of round 1 of at most 1, ") and said[0].endswith(
        " s left of it"
    )
    assert said[1:] == ["compare  2 of 2 trainings of round 1 of at most 1, 0 s left of it"]


def test_the_same_call_gives_the_same_numbers():
    arguments = {"size": 16, "seeds": 1, "recipe": QUICK, "images": 24}
    tables = [
        loss_study.compare([losses.Dice(), "bce"], Discs(), lambda: Net(3, 1), **arguments).to_dataframe("curves")
        for _ in range(2)
    ]
    assert (
        tables[0]
        .drop(columns=["seconds", "images_per_second"], errors="ignore")
        .equals(tables[1].drop(columns=["seconds", "images_per_second"], errors="ignore"))
    )


def test_without_the_packages_of_a_study_it_says_which_to_install(monkeypatch):
    monkeypatch.delitem(sys.modules, "loss_study.comparison.compare")
    monkeypatch.setitem(sys.modules, "jinja2", None)
    for name in [name for name in sys.modules if name.startswith("loss_study.report")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ModuleNotFoundError, match="needs the packages of a study, and jinja2 is not installed: pip"):
        _ = loss_study.compare


def test_losses_by_every_kind_of_name():
    found = chosen({"a": losses.Dice(smooth=0.1), "b": "dice", "focal": losses.Focal, "mine": Squared(2.0)})
    assert found.names == ["focal"] and found.combinations == ["a", "b"] and list(found.theirs) == ["mine"]
    assert found.options["a"] == {"terms": {"dice": 1.0}, "options": {"dice": {"smooth": 0.1}}}
    assert chosen([nn.BCEWithLogitsLoss]).theirs == {"bce_with_logits_loss": nn.BCEWithLogitsLoss}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "losses: list at least one"),
        (["dise"], "unknown loss 'dise': did you mean 'dice'"),
        ([3], "losses: 3 is no loss"),
        ([lambda logits, target: 0], "losses: '<lambda>' is no name"),
        ([losses.Dice(), losses.Dice(smooth=0.1)], "losses: two are called dice; pass them as a dict"),
        ({"dice": Squared}, "losses: dice is a loss of this project"),
        ({"My loss": Squared}, "losses: 'My loss' is no name"),
    ],
)
def test_losses_that_are_none_are_named(given, message):
    with pytest.raises(StudyError, match=message):
        chosen(given)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"losses": [Crashes]}, r"loss_options.crashes: support.their_things.Crashes cannot be trained with"),
        ({"model": HalfNet}, r"HalfNet returns \(2, 1, 8, 8\) for the mask"),
        ({"model": Net(3, 1)}, r"model: Net is not a class or function; every trial starts from new weights"),
        ({"model": "resnet"}, r"unknown model 'resnet': did you mean 'resunet'"),
        ({"dataset": Normalised()}, r"support.their_things.Normalised: item \d+ of all: .* without normalisation"),
        ({"dataset": {"train": Discs(), "tset": Discs()}}, r"Discs: has the parts train, tset"),
        ({"size": 20}, r"sample.size: .*multiple of 16; got 20"),
        ({"recipe": {"epoch": 3}}, r"recipe.epoch: no such key; did you mean 'epochs'"),
    ],
)
def test_a_mistake_is_one_line(arguments, message):
    given = {"losses": ["dice"], "dataset": Discs(), "model": Net, "size": 16, "seeds": 1, "recipe": QUICK} | arguments
    with pytest.raises(StudyError, match=message) as error:
        loss_study.compare(**given)
    assert "\n" not in str(error.value)


@pytest.mark.long
def test_the_script_in_the_documentation_runs(tmp_path):
    script = ROOT / "docs/examples/own_training_script.py"
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    run = subprocess.run(
        [sys.executable, script, "report"], cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
    )
    assert "mask: Use " in run.stdout and "dice after a training of its own" in run.stdout
    assert (tmp_path / "report/index.html").exists()
