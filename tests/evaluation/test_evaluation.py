"""Evaluation reads the test split, and what it writes is what the model predicts."""

import csv
import json

import numpy as np
import pytest
import torch

from loss_study import models
from loss_study.data.packed import PackedSample
from loss_study.evaluation.evaluate import evaluate, evaluate_trials
from loss_study.evaluation.shown_images import panel_rows
from loss_study.evaluation.splits import Splits
from loss_study.evaluation.trained_models import load_description, load_model
from loss_study.runtime.errors import StudyError
from loss_study.training.checkpoint import save_atomically
from loss_study.trial import Trial


class Oracle(torch.nn.Module):
    """Knows the target: a bright pixel of the image is foreground."""

    def __init__(self, head, wrong=()):
        super().__init__()
        self.head = head
        self.wrong = wrong
        self.seen = 0

    def forward(self, x):
        bright = (x[:, 3:].amin(dim=1, keepdim=True) > 0.85).float()
        for number in range(len(x)):
            if self.seen + number in self.wrong:
                bright[number] = 0
        self.seen += len(x)
        return {self.head: (bright - 0.5) * 20}


def test_a_perfect_mask_is_perfect(sample):
    found = evaluate(Oracle("mask"), Splits.of(sample, "mask"), "float32")
    assert found.summary["test"]["iou"] == pytest.approx(1)
    assert found.summary["test"]["boundary_f"] == pytest.approx(1)
    assert found.summary["verdict"] == "" and found.summary["images"] == 6


def test_one_missed_mask_of_six(sample):
    """The oracle sees the 6 validation images first; number 8 is the third test image."""
    found = evaluate(Oracle("mask", wrong={8}), Splits.of(sample, "mask"), "float32")
    assert found.columns["iou"].tolist() == pytest.approx([1, 1, 0, 1, 1, 1])
    assert found.summary["test"]["iou"] == pytest.approx(5 / 6)


def test_all_background_is_named(sample):
    found = evaluate(Oracle("mask", wrong=range(12)), Splits.of(sample, "mask"), "float32")
    assert found.summary["verdict"] == "all background"
    share = float((sample.masks[sample.rows("test")] > 127).mean())
    assert found.summary["constant"] == pytest.approx(share)


@pytest.mark.parametrize("head", ["mask", "depth"])
@pytest.mark.parametrize("name", ["validation", "test"])
def test_a_split_has_its_images_in_order_and_their_targets(name, head, sample):
    splits = Splits.of(sample, head)
    split = getattr(splits, name)
    rows = sample.rows(name)
    np.testing.assert_array_equal(split.rows, rows)
    stored = sample.targets(head)[rows]
    np.testing.assert_array_equal((split.target[:, 0].double() * np.iinfo(stored.dtype).max).round(), stored)
    np.testing.assert_array_equal((split.foreground[:, 0] * 255).round(), sample.masks[rows])
    assert split.valid is None and not splits.several_classes


def test_models_that_share_a_split_leave_it_as_it_is(sample):
    splits = Splits.of(sample, "mask")
    before = splits.test.target.clone(), splits.test.foreground.clone()
    first = evaluate(Oracle("mask"), splits, "float32")
    evaluate(Oracle("mask", wrong=range(12)), splits, "float32")
    again = evaluate(Oracle("mask"), splits, "float32")
    assert torch.equal(splits.test.target, before[0]) and torch.equal(splits.test.foreground, before[1])
    assert first.summary == again.summary


class Constant(torch.nn.Module):
    def forward(self, x):
        return {"depth": torch.zeros(len(x), 1, *x.shape[2:])}


def test_constant_depth_is_named_and_measured(sample):
    found = evaluate(Constant(), Splits.of(sample, "depth"), "float32")
    target = sample.depths[sample.rows("test")] / 65535
    expected = np.sqrt(((0.5 - target) ** 2).mean(axis=(1, 2)))
    np.testing.assert_allclose(found.columns["rmse_coded"], expected, rtol=1e-5)
    assert found.summary["verdict"] == "constant depth" and found.summary["threshold"] is None
    of_constant = np.sqrt(((sample.statistics["depth_mean"] - target) ** 2).mean(axis=(1, 2))).mean()
    assert found.summary["constant"] == pytest.approx(of_constant, rel=1e-5)


def test_panel_goes_from_small_to_large(sample):
    rows = panel_rows(sample)
    shares = [float(sample.index[row]["foreground"]) for row in rows]
    assert shares == sorted(shares) and set(rows) <= set(sample.rows("test"))


def test_panel_predictions_belong_to_its_rows(sample):
    found = evaluate(Oracle("mask"), Splits.of(sample, "mask"), "float32")
    for row, prediction in zip(found.summary["panel"], found.panel, strict=True):
        np.testing.assert_array_equal(prediction > 127, sample.masks[row] > 127)


def save(trial, folder, **build):
    trial_folder = folder / trial.run_dir
    trial_folder.mkdir(parents=True)
    choice = {"name": "resunet", "in_channels": 6, "heads": [trial.head], "classes": 1, "options": {"width": 4}} | build
    model = models.build(choice["name"], choice["in_channels"], choice["heads"], classes=1, **choice["options"])
    save_atomically({"state": model.state_dict(), "build": choice}, trial_folder / "model.pt")
    description = {"head": trial.head, "loss": trial.loss, "seed": trial.seed, "status": "finished", "reason": ""}
    description |= {"precision": "float32", "threads": 1, "loss_options": {}, "augmentation": {"flip": 0.5}}
    (trial_folder / "trial.json").write_text(json.dumps(description))
    return model


def test_files_of_a_trial(sample, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trial = Trial("depth", "l1", 0)
    save(trial, tmp_path)
    evaluate_trials([trial], PackedSample.open(tmp_path / "data/sample"))
    summary = json.loads((trial.eval_dir / "metrics.json").read_text())
    with (trial.eval_dir / "per_image.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [sample.index[row]["id"] for row in sample.rows("test")]
    mean = np.mean([float(row["rmse_coded"]) for row in rows])
    assert summary["test"]["rmse_coded"] == pytest.approx(mean)
    assert np.load(trial.eval_dir / "predictions.npy", allow_pickle=False).shape == (6, 32, 32)


def numbers(trial):
    """What evaluation wrote of a trial, but for the time it took."""
    summary = json.loads((trial.eval_dir / "metrics.json").read_text())
    del summary["seconds"]
    return {path.name: path.read_bytes() for path in trial.eval_dir.iterdir() if path.name not in TIMED} | summary


#: Files with the seconds of an evaluation, or their checksum.
TIMED = ("metrics.json", "SHA256SUMS")
FPN = {"architecture": "fpn", "encoder": "mobilenet_v2"}


@pytest.mark.parametrize("build", [{}, {"name": "smp", "options": FPN}], ids=["resunet", "a model with dropout"])
def test_the_numbers_of_a_trial_do_not_depend_on_the_others(build, sample, tmp_path, monkeypatch):
    """Together, in the other order, and each alone in a process that has drawn random numbers before."""
    monkeypatch.chdir(tmp_path)
    trials = [Trial("mask", "bce", 0), Trial("mask", "dice", 1), Trial("mask", "l1", 2)]
    for trial in trials:
        torch.manual_seed(trial.seed)
        save(trial, tmp_path, **build)
    # One of them is tested on an augmented split, which it must not share.
    path = trials[1].run_dir / "trial.json"
    description = json.loads(path.read_text())
    path.write_text(json.dumps(description | {"augmentation": {"flip": 0.5, "erase": 1.0, "test": True}}))
    evaluate_trials(trials, sample)
    together = [numbers(trial) for trial in trials]
    assert len({str(found["test"]) for found in together}) == 3
    evaluate_trials(reversed(trials), sample)
    assert [numbers(trial) for trial in trials] == together
    for trial, expected in zip(trials, together, strict=True):
        torch.rand(17)
        evaluate_trials([trial], PackedSample.open(sample.folder))
        assert numbers(trial) == expected


def test_trials_of_both_heads_at_once(sample, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trials = [Trial("mask", "bce", 0), Trial("depth", "bce", 0)]
    for trial in trials:
        save(trial, tmp_path)
    evaluate_trials(trials, sample)
    headers = [next(csv.reader((trial.eval_dir / "per_image.csv").open())) for trial in trials]
    assert all(header[:4] == ["id", "background", "object", "foreground"] for header in headers)
    assert [header[4] for header in headers] == ["iou", "rmse_coded"]


def test_a_trial_without_a_model_ends_it_in_one_line(sample, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trials = [Trial("mask", "bce", 0), Trial("mask", "dice", 0)]
    save(trials[0], tmp_path)
    with pytest.raises(StudyError, match=r"trial.json: no trained model there; run 'dvc repro'"):
        evaluate_trials(trials, sample)
    assert (trials[0].eval_dir / "metrics.json").exists() and not trials[1].eval_dir.exists()
    save(trials[1], tmp_path)
    (trials[1].run_dir / "trial.json").write_text("{")
    with pytest.raises(StudyError, match=r"trial.json: damaged"):
        load_description(trials[1].run_dir / "trial.json")


def test_loaded_model_predicts_as_the_saved_one(tmp_path):
    trial = Trial("mask", "bce", 0)
    model = save(trial, tmp_path).eval()
    loaded = load_model(tmp_path / trial.run_dir / "model.pt").eval()
    x = torch.rand(2, 6, 32, 32)
    assert torch.equal(model(x)["mask"], loaded(x)["mask"])


@pytest.mark.parametrize("damage", ["missing", "truncated", "not a model"])
def test_no_model_is_one_line(damage, tmp_path):
    trial = Trial("mask", "bce", 0)
    save(trial, tmp_path)
    path = tmp_path / trial.run_dir / "model.pt"
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:1000] if damage == "truncated" else b"")
    with pytest.raises(StudyError, match=r"model.pt: (no trained model there; run 'dvc repro'|damaged model file)"):
        load_model(path)


def test_a_pickle_that_would_run_code_is_refused(tmp_path):
    """A model file may come from elsewhere: only tensors and plain values are read from it."""
    touched = tmp_path / "touched"

    class Evil:
        def __reduce__(self):
            return (touched.touch, ())

    torch.save({"state": Evil(), "build": {}}, tmp_path / "model.pt")
    with pytest.raises(StudyError, match="damaged model file"):
        load_model(tmp_path / "model.pt")
    assert not touched.exists()


def analysed(trial):
    analysis = json.loads((trial.eval_dir / "error_analysis.json").read_text())
    assert set(analysis["errors"]) > {"regions"}
    assert ("gradients" in analysis) == ("kept" in analysis) == (trial.eval_dir / "test.npy").exists()
    return "gradients" in analysis


def test_the_first_sound_trial_of_a_loss_is_analysed_and_those_that_failed_before_it(sample, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trials = [Trial("depth", loss, seed) for loss in ("l1", "bce") for seed in (0, 1, 2)]
    for trial in trials:
        save(trial, tmp_path)
    monkeypatch.setattr("loss_study.evaluation.evaluate.collapse", lambda *_, **__: "")
    first = trials[0].run_dir / "trial.json"
    first.write_text(first.read_text().replace("finished", "diverged"))
    evaluate_trials(trials, sample)
    assert [analysed(trial) for trial in trials] == [True, True, False, True, False, False]
    evaluate_trials(trials, sample, analysed=[("depth", "bce")])
    assert [analysed(trial) for trial in trials] == [True, True, False, False, False, False]
