"""The training loop and what stands around it, on a sample so small that it takes seconds."""

import csv
import itertools
import json

import numpy as np
import pytest
import torch
import yaml

from loss_study import losses, models
from loss_study.config import composition, load_config
from loss_study.data.packed import PackedSample
from loss_study.evaluation.evaluate import evaluate_trials
from loss_study.evaluation.trained_models import load_model
from loss_study.heads import HEADS
from loss_study.losses import Loss
from loss_study.runtime import checksums
from loss_study.runtime.errors import StudyError
from loss_study.training import record, run
from loss_study.trial import Trial


@pytest.fixture
def smoke(tmp_path, sample, monkeypatch):
    """Parameters of the smoke scale, four epochs on the discs; the working directory is a fresh folder."""
    composition.compose(
        tmp_path / "params.yaml", ["scale=smoke", "recipe.epochs=4", "recipe.batch_size=4", "model.options.stages=2"]
    )
    monkeypatch.chdir(tmp_path)
    return load_config()


def changed(smoke, tmp_path, **recipe):
    values = yaml.safe_load((tmp_path / "params.yaml").read_text())
    values["recipe"].update(recipe)
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
    return load_config()


def trained(trial, sample, smoke):
    run.train_trials([trial], smoke, sample)
    with (trial.run_dir / "history.csv").open() as file:
        history = list(csv.DictReader(file))
    return json.loads((trial.run_dir / "trial.json").read_text()), history


def fits(head, loss):
    return head in losses.with_a_file(loss).heads


@pytest.mark.parametrize(("head", "loss"), [pair for pair in itertools.product(HEADS, losses.names()) if fits(*pair)])
def test_every_loss_trains_every_head_that_it_is_for(head, loss, sample, smoke):
    study = smoke.model_copy(update={"loss_options": {loss: {}}})
    description, history = trained(Trial(head, loss, 0), sample, study)
    assert description["status"] == "finished" and len(history) == 4
    assert float(history[-1]["train_loss"]) < float(history[0]["train_loss"])
    assert description["loss_options"].get("pos_weight") != "auto"


def weights(trial):
    return torch.load(trial.run_dir / "model.pt", weights_only=True)["state"]


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def test_same_seed_same_numbers_to_the_last_digit(sample, smoke):
    trial = Trial("mask", "dice", 3)
    _, first = trained(trial, sample, smoke)
    first_weights = weights(trial)
    _, second = trained(trial, sample, smoke)
    numbers = [(row["train_loss"], row["validation"]) for row in first]
    assert numbers == [(row["train_loss"], row["validation"]) for row in second]
    assert same(first_weights, weights(trial))


def test_another_seed_other_numbers(sample, smoke):
    _, first = trained(Trial("mask", "dice", 0), sample, smoke)
    _, second = trained(Trial("mask", "dice", 1), sample, smoke)
    assert first[0]["train_loss"] != second[0]["train_loss"]


class KilledError(Exception):
    pass


@pytest.mark.usefixtures("saved_each_epoch")
@pytest.mark.parametrize("moment", ["in an epoch", "after the last epoch"])
def test_resumes_to_the_last_digit(moment, sample, smoke, monkeypatch):
    trial = Trial("depth", "ssim", 0)
    _, undisturbed = trained(trial, sample, smoke)
    expected = weights(trial)

    advanced = run.Reporter.advance
    count = 0

    def killed_in_the_third_epoch(self, steps=1, detail=""):
        nonlocal count
        count += 1
        if count == 8:
            raise KilledError
        advanced(self, steps, detail)

    def killed_before_writing(*_):
        raise KilledError

    with monkeypatch.context() as patch, pytest.raises(KilledError):
        if moment == "in an epoch":
            patch.setattr(run.Reporter, "advance", killed_in_the_third_epoch)
        else:
            patch.setattr(record, "write", killed_before_writing)
        run.train_trials([trial], smoke, sample)

    steps = []
    monkeypatch.setattr(run.Reporter, "advance", lambda *a, **k: steps.append(a))
    _, resumed = trained(trial, sample, smoke)
    assert len(steps) == (6 if moment == "in an epoch" else 0)
    assert [row["train_loss"] for row in resumed] == [row["train_loss"] for row in undisturbed]
    assert same(weights(trial), expected)


@pytest.mark.usefixtures("saved_each_epoch")
def test_dropout_draws_the_same_after_a_resume(sample, smoke, monkeypatch):
    build = models.build

    def with_dropout(*arguments, **options):
        model = build(*arguments, **options)
        decoder = model.decoders["mask"]
        decoder.logits = torch.nn.Sequential(torch.nn.Dropout2d(0.5), decoder.logits)
        return model

    monkeypatch.setattr(models, "build", with_dropout)
    trial = Trial("mask", "bce", 0)
    _, undisturbed = trained(trial, sample, smoke)
    steps, advance = 0, run.Reporter.advance

    def killed(self, images=1, detail=""):
        nonlocal steps
        steps += 1
        if steps == 8:
            raise KilledError
        advance(self, images, detail)

    with monkeypatch.context() as patch, pytest.raises(KilledError):
        patch.setattr(run.Reporter, "advance", killed)
        run.train_trials([trial], smoke, sample)
    _, resumed = trained(trial, sample, smoke)
    assert [row["train_loss"] for row in resumed] == [row["train_loss"] for row in undisturbed]


def test_checkpoint_is_removed_on_success(sample, smoke, tmp_path):
    trained(Trial("mask", "bce", 0), sample, smoke)
    assert list((tmp_path / "checkpoints").iterdir()) == []


def test_other_parameters_do_not_resume(sample, smoke, tmp_path, monkeypatch):
    trial = Trial("mask", "bce", 0)
    with monkeypatch.context() as patch, pytest.raises(KilledError):
        patch.setattr(record, "write", lambda *_: (_ for _ in ()).throw(KilledError))
        run.train_trials([trial], smoke, sample)
    _, history = trained(trial, sample, changed(smoke, tmp_path, batch_size=6))
    assert len(history) == 4 and len(list((tmp_path / "checkpoints").iterdir())) == 1


def loss_that_fails_in_step(number):
    step = 0

    def loss(logits, target, *, sigmoid: bool = True, valid=None):
        nonlocal step
        step += 1
        value = (torch.sigmoid(logits) - target).abs().mean(dim=(1, 2, 3))
        return value * (float("nan") if step == number else 1.0)

    return loss


def test_nan_stops_the_trial_and_keeps_the_best_epoch(sample, smoke, monkeypatch, capsys):
    monkeypatch.setattr("loss_study.losses.l1.LOSS", Loss(loss_that_fails_in_step(8)))
    description, history = trained(Trial("mask", "l1", 0), sample, smoke)
    assert description["status"] == "diverged" and "nan in epoch 3" in description["reason"]
    assert len(history) == 2 and description["kept_epoch"] in (1, 2)
    assert all(torch.isfinite(tensor).all() for tensor in weights(Trial("mask", "l1", 0)).values())
    assert "mask-l1-0 diverged: the loss became nan in epoch 3" in capsys.readouterr().out

    evaluate_trials([Trial("mask", "l1", 0)], sample)
    summary = json.loads((Trial("mask", "l1", 0).eval_dir / "metrics.json").read_text())
    assert summary["verdict"] == "diverged" and 0 <= summary["test"]["iou"] <= 1


def test_nan_in_the_first_epoch_keeps_the_start(sample, smoke, monkeypatch):
    monkeypatch.setattr("loss_study.losses.l1.LOSS", Loss(loss_that_fails_in_step(1)))
    description, history = trained(Trial("mask", "l1", 0), sample, smoke)
    assert description["status"] == "diverged" and description["kept_epoch"] == 0 and history == []
    assert load_model(Trial("mask", "l1", 0).run_dir / "model.pt")


def test_best_epoch_is_by_the_metric_and_not_by_the_loss(sample, smoke, monkeypatch):
    values = iter([0.2, 0.9, 0.5, 0.4])
    monkeypatch.setattr("loss_study.training.loop.validate", lambda *_: next(values))
    description, history = trained(Trial("mask", "bce", 0), sample, smoke)
    assert description["kept_epoch"] == 2 and description["kept_validation"] == 0.9
    assert min(history, key=lambda row: float(row["train_loss"]))["epoch"] != "2"


def test_best_depth_epoch_has_the_lowest_error(sample, smoke, monkeypatch):
    values = iter([0.2, 0.9, 0.1, 0.4])
    monkeypatch.setattr("loss_study.training.loop.validate", lambda *_: next(values))
    assert trained(Trial("depth", "bce", 0), sample, smoke)[0]["kept_epoch"] == 3


def test_the_last_epoch_is_kept_where_it_should_be(sample, smoke, tmp_path, monkeypatch):
    trial, values = Trial("mask", "bce", 0), [0.2, 0.9, 0.5, 0.4]
    monkeypatch.setattr("loss_study.training.loop.validate", lambda *_: values.pop(0))
    description, _ = trained(trial, sample, changed(smoke, tmp_path, keep="last"))
    assert (description["kept_epoch"], description["kept_validation"]) == (4, 0.4)
    last = weights(trial)
    values[:] = [0.2, 0.3, 0.4, 0.5]
    trained(trial, sample, changed(smoke, tmp_path, keep="best"))
    assert same(last, weights(trial))


def test_early_stop_needs_the_best_epoch(smoke, tmp_path):
    with pytest.raises(StudyError, match=r"recipe\.early_stop: .* recipe\.keep last"):
        changed(smoke, tmp_path, early_stop=2, keep="last")


def test_l1_without_a_sigmoid_predicts_its_raw_output(sample, smoke, tmp_path):
    """Validated, evaluated and shown as the raw output, cut to [0, 1]."""
    trial = Trial("depth", "l1", 0)
    values = yaml.safe_load((tmp_path / "params.yaml").read_text())
    values["loss_options"]["l1"] = {"sigmoid": False}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
    description, _ = trained(trial, sample, load_config())
    assert description["loss_options"] == {"sigmoid": False}
    evaluate_trials([trial], sample)
    summary = json.loads((trial.eval_dir / "metrics.json").read_text())

    model = load_model(trial.run_dir / "model.pt").eval()
    found = {"validation": description["kept_validation"], "test": summary["test"]["rmse_coded"]}
    for split, value in found.items():
        rows = sample.rows(split)
        inputs = np.concatenate([sample.backgrounds[sample.background_rows[rows]], sample.images[rows]], axis=3)
        with torch.no_grad():
            raw = model(torch.from_numpy(inputs).permute(0, 3, 1, 2).float() / 255)["depth"][:, 0].numpy()
        truth = sample.depths[rows] / 65535
        expected = np.sqrt(((raw.clip(0, 1) - truth) ** 2).mean(axis=(1, 2))).mean()
        wrong = np.sqrt(((1 / (1 + np.exp(-raw)) - truth) ** 2).mean(axis=(1, 2))).mean()
        assert value == pytest.approx(expected, abs=0.005)
        assert abs(wrong - expected) > 0.02


def test_an_augmented_test_split_is_told_to_evaluation(sample, smoke, tmp_path):
    """A certain flip of the inputs and not of the targets: the panel's predictions are those of mirrored pictures."""
    trial = Trial("mask", "bce", 0)
    description, _ = trained(trial, sample, smoke)
    evaluate_trials([trial], sample)
    plain = np.load(trial.eval_dir / "predictions.npy")
    assert description["augmentation"] == smoke.recipe.augmentation.model_dump()
    description["augmentation"] |= {"flip": 1.0, "flip_apart": True, "test": True}
    (trial.run_dir / "trial.json").write_text(json.dumps(description))
    checksums.write(trial.run_dir)
    before = json.loads((trial.eval_dir / "metrics.json").read_text())
    evaluate_trials([trial], sample)
    after = json.loads((trial.eval_dir / "metrics.json").read_text())
    assert before["threshold"] == after["threshold"] and before["test"] != after["test"]
    assert not np.array_equal(plain, np.load(trial.eval_dir / "predictions.npy"))


def test_early_stop(sample, smoke, tmp_path, monkeypatch):
    values = iter([0.5, 0.4, 0.3, 0.2])
    monkeypatch.setattr("loss_study.training.loop.validate", lambda *_: next(values))
    description, history = trained(Trial("mask", "bce", 0), sample, changed(smoke, tmp_path, early_stop=2))
    assert len(history) == 3 and description["kept_epoch"] == 1


def test_the_test_split_is_never_read_in_training(sample, smoke, tmp_path):
    trial = Trial("mask", "bce", 0)
    trained(trial, sample, smoke)
    expected = weights(trial)
    masks = np.array(sample.masks)
    masks[sample.rows("test")] = 77
    (tmp_path / "data/sample/masks.npy").unlink()
    np.save(tmp_path / "data/sample/masks.npy", masks)
    trained(trial, PackedSample.open(tmp_path / "data/sample"), smoke)
    assert same(weights(trial), expected)


def test_bfloat16_stays_close_to_float32(sample, smoke, tmp_path):
    results = []
    for precision in ("float32", "bfloat16"):
        description, _ = trained(Trial("depth", "l1", 0), sample, changed(smoke, tmp_path, precision=precision))
        assert description["precision"] == precision
        results.append(description["kept_validation"])
    assert results[0] != results[1]
    assert results[0] == pytest.approx(results[1], abs=0.03)
