"""One network with both heads, trained for seconds."""

import csv
import json
from types import SimpleNamespace

import pytest
import torch

from loss_study import models
from loss_study.config import JointConfig, JointTraining
from loss_study.evaluation.evaluate import evaluate_trials
from loss_study.heads import HEADS, JOINT
from loss_study.runtime.errors import StudyError
from loss_study.training import run
from loss_study.training.joint import phase
from loss_study.training.joint.network import train_network
from loss_study.trial import Trial
from support.small_training import KilledError, left_by, same, trained

TRIAL = Trial(JOINT, "pair", 0)


def pair(study, **training):
    """Return `study` with the joint training "pair"."""
    chosen = JointTraining(**{"mask": "dice", "depth": "ssim", **training})
    return study.model_copy(update={"joint": JointConfig(names=["pair"], options={"pair": chosen})})


def rows(folder):
    with (folder / "history.csv").open() as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def state(folder):
    return torch.load(folder / "model.pt", weights_only=True)["state"]


def test_a_head_whose_other_loss_weighs_nothing_is_trained_as_if_alone(recipe, sample):
    """Both networks draw the encoder first and the mask's decoder next, and a zero changes no gradient."""
    study = recipe(keep="last")
    trained(sample, pair(study, weighting="fixed", weighting_options={"depth": 0.0}), TRIAL)
    _, alone, weights = trained(sample, study, Trial("mask", "dice", 0))
    joint = rows(TRIAL.run_dir)
    assert [(row["train_loss_mask"], row["validation_mask"]) for row in joint] == [
        (float(loss), float(metric)) for _, loss, metric in alone
    ]
    of_both = state(TRIAL.run_dir)
    assert weights.keys() < of_both.keys()
    assert all(torch.equal(of_both[name], tensor) for name, tensor in weights.items())


def test_what_a_joint_training_leaves(recipe, sample):
    description, _, _ = trained(sample, pair(recipe(), weighting="uncertainty"), TRIAL)
    saved = torch.load(TRIAL.run_dir / "model.pt", weights_only=True)
    assert saved["build"]["heads"] == ["mask", "depth"]
    history = rows(TRIAL.run_dir)
    for row in history:
        assert row["train_loss"] == pytest.approx(row["train_loss_mask"] + row["train_loss_depth"])
        assert row["weight_mask"] != 1 and row["weight_depth"] != 1
    best = max(history, key=lambda row: row["validation"])
    assert description["metric"] == "joint_score" and description["kept_validation"] == best["validation"]
    of_depth = description["of_heads"]["depth"]
    assert of_depth["trained_with"] == "ssim" and of_depth["kept_validation"] == best["validation_depth"]
    assert description["loss_options"]["weighting"] == {"name": "uncertainty", "options": {}}


@pytest.mark.parametrize("weighting", ["uncertainty", "pcgrad"])
def test_a_training_that_was_killed_goes_on_to_the_same_numbers(recipe, sample, tmp_path, saved_each_epoch, weighting):
    study = recipe()
    arguments = {"losses": {"mask": "dice", "depth": "ssim"}, "weighting": weighting, "title": "pair"}
    train_network(tmp_path / "whole", sample, study, **arguments)

    def kill(row):
        if row["epoch"] == 2:
            raise KilledError

    with pytest.raises(KilledError):
        train_network(tmp_path / "resumed", sample, study, **arguments, on_epoch=kill)
    seen = []
    train_network(tmp_path / "resumed", sample, study, **arguments, on_epoch=seen.append)
    timing = ("seconds", "images_per_second")
    whole, resumed = (
        [{name: value for name, value in row.items() if name not in timing} for row in rows(tmp_path / name)]
        for name in ("whole", "resumed")
    )
    assert whole == resumed and len(seen) == 3
    assert same(state(tmp_path / "whole"), state(tmp_path / "resumed"))


def test_one_network_of_one_head_is_the_ordinary_trial(recipe, sample, tmp_path):
    study = recipe()
    train_network(tmp_path / "network", sample, study, losses={"depth": "ssim"}, seed=3)
    _, _, weights = trained(sample, study, Trial("depth", "ssim", 3))
    assert same(state(tmp_path / "network"), weights)
    assert json.loads((tmp_path / "network" / "trial.json").read_text())["head"] == "depth"


def scores(monkeypatch, values):
    """Let the headline metrics after each epoch be `values` of the mask, 0.5 of the depth; a constant has 0 and 1."""
    found = iter([{"mask": 0.0, "depth": 1.0}, *({"mask": value, "depth": 0.5} for value in values)])
    monkeypatch.setattr(phase, "headlines", lambda *_: next(found))


@pytest.mark.parametrize(("keep", "best"), [("best", 2), ("last", 3)])
def test_the_epoch_that_is_kept_has_the_best_joint_score(recipe, sample, monkeypatch, keep, best):
    scores(monkeypatch, [0.1, 0.9, 0.3])
    description, history, _ = trained(sample, pair(recipe(keep=keep)), TRIAL)
    assert [float(value) for _, _, value in history] == pytest.approx([0.3, 0.7, 0.4])
    assert description["kept_epoch"] == best


def test_it_stops_early_by_the_joint_score(recipe, sample, monkeypatch):
    scores(monkeypatch, [0.5, 0.4, 0.3, 0.2, 0.1])
    description, _, _ = trained(sample, pair(recipe(epochs=5, early_stop=2)), TRIAL)
    assert description["kept_epoch"] == 1 and description["epochs_run"] == 3


@pytest.mark.parametrize("weighting", ["equal", "upgrad", "cagrad"])
def test_a_training_that_diverges_is_a_result(recipe, sample, weighting):
    study = recipe(optimizer={"name": "sgd", "lr": 1e30, "options": {"momentum": 0.0}})
    description, _, _ = trained(sample, pair(study, mask="l1", depth="l1", weighting=weighting), TRIAL)
    assert description["status"] == "diverged" and "loss became" in description["reason"]


def test_an_encoder_that_is_frozen_keeps_its_weights(recipe, sample):
    trained(sample, pair(recipe(freeze=["encoder"]), weighting="mgda"), TRIAL)
    torch.manual_seed(TRIAL.seed)
    start = models.build("resunet", 6, HEADS, width=4, stages=2).state_dict()
    end = state(TRIAL.run_dir)
    frozen = [name for name in end if name.startswith(("encoder", "bridge"))]
    assert frozen and all(torch.equal(start[name], end[name]) for name in frozen)
    assert not all(torch.equal(start[name], end[name]) for name in end)


def test_several_devices_cannot_combine_gradients(recipe, sample, monkeypatch):
    monkeypatch.setattr(phase, "distributed", SimpleNamespace(size=lambda: 2))
    with pytest.raises(StudyError, match=r"^recipe\.devices: this weighting combines gradients"):
        run.train_trials([TRIAL], pair(recipe(), weighting="mgda"), sample)


def test_both_heads_of_one_network_are_evaluated(recipe, sample):
    left = trained(sample, pair(recipe()), TRIAL)
    trials = [Trial(head, "pair", 0, joint=True) for head in HEADS]
    assert {trial.run_dir for trial in trials} == {TRIAL.run_dir}
    evaluate_trials(trials, sample)
    for trial, metric in zip(trials, ("iou_at_best", "rmse_coded"), strict=True):
        found = json.loads((trial.eval_dir / "metrics.json").read_text())
        assert (found["head"], found["loss"], found["seed"]) == (trial.head, "pair", 0)
        assert metric in found["test"] and (trial.eval_dir / "test.npy").exists()
        assert f"joint/pair/{trial.head}" in trial.eval_dir.as_posix()
    assert left[0] == left_by(TRIAL)[0]
