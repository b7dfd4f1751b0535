"""Final models of studies of every kind: losses by import path, combinations, folds, and studies that chose nothing."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from loss_study.data.packed import FOLD
from loss_study.final import decision
from loss_study.inference import torch_runtime
from loss_study.inference.folder import ModelFolder
from loss_study.runtime import checksums
from loss_study.runtime.errors import StudyError
from loss_study.runtime.files import write_csv, write_json
from support.final_model import CHOICES, DECIDED, run_final, write_study

pytestmark = pytest.mark.usefixtures("not_exported")

MINE = ["loss.imported=[mine]", "+loss_options.mine={_target_: support.their_things.squared, weight: 3.0}"]
SUM = ["loss.names=[dice,bce,rmse]", "loss.combinations=[dice_bce]"]


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A function that writes a study and makes its folder the working directory."""
    monkeypatch.chdir(tmp_path)
    return lambda *choices, **options: write_study(tmp_path, *choices, **options)


def chose(mask, depth="rmse", **others):
    return {"mask": {"choice": mask, **DECIDED, **others}, "depth": {"choice": depth, **DECIDED}}


def chosen_weights(head, loss, **weights):
    """Write what a search chose for a combination."""
    folder = Path("tuning") / head / loss
    write_json(folder / "choice.json", {"head": head, "loss": loss, "lr": 0.02, "weights": weights})
    checksums.write(folder)


def predicts():
    """Whether the written model, opened again, predicts probabilities for both heads."""
    network = torch_runtime.TorchRuntime(ModelFolder.open(Path("model")))
    found = network(np.random.default_rng(0).random((2, 6, 32, 32), dtype=np.float32))
    return all(((values >= 0) & (values <= 1)).all() for values in found.values()) and set(found) == {"mask", "depth"}


@pytest.mark.parametrize("words", [(), ("--separate",), ("--weighting", "uncertainty")])
def test_a_loss_by_import_path(study, words):
    study(*MINE, metrics=chose("mine"))
    values = run_final("--epochs", "1", *words)
    losses = {head: loss for one in values["networks"] for head, loss in one["losses"].items()}
    assert losses["mask"]["name"] == "mine" and losses["mask"]["options"]["weight"] == 3.0
    assert predicts()


def test_a_loss_by_import_path_for_both_heads(study):
    study(*MINE, metrics=chose("mine", "mine"))
    assert list(run_final("--epochs", "1")["networks"][0]["losses"]) == ["mask", "depth"]
    assert predicts()


@pytest.mark.parametrize("words", [(), ("--separate",)])
def test_a_combination_with_the_weights_that_were_searched(study, words):
    study(*SUM, "+loss_options.dice_bce.terms={dice: 1.0, bce: [0.5, 2.0]}", "recipe=tuned", metrics=chose("dice_bce"))
    chosen_weights("mask", "dice_bce", bce=2.0)
    values = run_final("--epochs", "1", *words)
    losses = {head: loss for one in values["networks"] for head, loss in one["losses"].items()}
    assert losses["mask"]["name"] == "dice_bce"
    assert losses["mask"]["options"]["terms"] == {"dice": 1.0, "bce": 2.0}
    assert predicts()


def test_one_combination_with_other_weights_on_each_head(study):
    terms = "+loss_options.dice_bce.terms={dice: 1.0, bce: [0.5, 2.0]}"
    study(*SUM, terms, "recipe=tuned", metrics=chose("dice_bce", "dice_bce"))
    chosen_weights("mask", "dice_bce", bce=2.0)
    chosen_weights("depth", "dice_bce", bce=0.5)
    losses = run_final("--epochs", "1")["networks"][0]["losses"]
    assert [losses[head]["options"]["terms"]["bce"] for head in ("mask", "depth")] == [2.0, 0.5]


@pytest.mark.parametrize("keep", ["best", "last"])
def test_a_study_with_folds_has_the_splits_of_the_first(study, keep):
    study("sample.folds=3", "seeds=[0,1,2]", f"recipe.keep={keep}")
    folder = Path("data/sample")
    with (folder / "index.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    # A third of the 24 images is in each part.
    write_csv(folder / "index.csv", [row | {FOLD: number % 3} for number, row in enumerate(rows)], [*rows[0], FOLD])
    meta = json.loads((folder / "sample.json").read_text())
    write_json(folder / "sample.json", meta | {"folds": 3, "statistics_of_folds": [meta["statistics"]] * 3})
    if keep == "last":
        (Path("eval/1/mask/dice/0")).mkdir(parents=True)
        write_json(Path("eval/1/mask/dice/0/metrics.json"), {"threshold": 0.37})
    values = run_final("--epochs", "1")
    assert values["data"]["images"] == {"train": 8, "validation": 8, "test": 8}
    assert values["training"]["images"] == (16 if keep == "last" else 8)
    assert "These are the splits of fold 0 of 3." in Path("model/README.md").read_text()


def test_a_study_that_is_not_decided_says_so_in_the_card(study, capsys):
    study(metrics={**CHOICES, "mask": {"choice": "dice", "decided": False, "regret_bound": 0.05, "margin": 0.02}})
    run_final("--epochs", "1")
    sentence = "The study is not decided: another loss may be better by up to 0.050 IoU"
    assert sentence in capsys.readouterr().out
    assert sentence in " ".join(Path("model/README.md").read_text().split())


def test_a_study_of_one_loss_compared_nothing(study, capsys):
    only = {"choice": "dice", "decided": False, "regret_bound": None, "margin": 0.02}
    study("loss.names=[dice]", metrics={"mask": only, "depth": only})
    run_final("--epochs", "1")
    assert "final  mask: dice, learning rate 0.04. The study had no other sound loss" in capsys.readouterr().out


def test_a_study_without_a_sound_loss_says_that_and_its_suggestion_works(study):
    nothing = {"choice": None, "decided": False, "regret_bound": None, "margin": None, "best_loss": "none"}
    study(metrics={**CHOICES, "mask": nothing})
    with pytest.raises(StudyError) as caught:
        run_final()
    message = str(caught.value)
    assert message.startswith("reports/metrics.json: no loss was chosen for the mask (no training of it was sound")
    words = message.rpartition("a loss: ")[2].split()
    assert words[0] == "--loss"
    (loss,) = (one.partition("=")[2] for one in words[1:])
    run_final("--epochs", "1", *words)
    assert decision.METRICS.exists() and loss in Path("model/README.md").read_text()
