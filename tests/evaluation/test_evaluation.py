"""Evaluation reads the test split, and what it writes is what the model predicts."""

import csv
import json

import numpy as np
import pytest
import torch

from loss_study import models
from loss_study.data.packed import PackedSample
from loss_study.evaluation.evaluate import evaluate, evaluate_trial, load_model, panel_rows
from loss_study.runtime.errors import StudyError
from loss_study.trial import Trial


class Oracle(torch.nn.Module):
    """Knows the answer: a bright pixel of the picture is foreground, and far is what `depth` says."""

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
    found = evaluate(Oracle("mask"), sample, "mask", "float32")
    assert found.summary["test"]["iou"] == pytest.approx(1)
    assert found.summary["test"]["boundary_f"] == pytest.approx(1)
    assert found.summary["verdict"] == "" and found.summary["images"] == 6


def test_one_missed_mask_of_six(sample):
    """The oracle sees the 6 validation pictures first; number 8 is the third test picture."""
    found = evaluate(Oracle("mask", wrong={8}), sample, "mask", "float32")
    assert found.per_image["iou"].tolist() == pytest.approx([1, 1, 0, 1, 1, 1])
    assert found.summary["test"]["iou"] == pytest.approx(5 / 6)
    assert found.summary["validation"]["iou"] == pytest.approx(1)


def test_all_background_is_named(sample):
    found = evaluate(Oracle("mask", wrong=range(12)), sample, "mask", "float32")
    assert found.summary["verdict"] == "all background"


class Constant(torch.nn.Module):
    def forward(self, x):
        return {"depth": torch.zeros(len(x), 1, *x.shape[2:])}


def test_constant_depth_is_named_and_measured(sample):
    found = evaluate(Constant(), sample, "depth", "float32")
    truth = sample.depths[sample.rows("test")] / 255
    expected = np.sqrt(((0.5 - truth) ** 2).mean(axis=(1, 2)))
    np.testing.assert_allclose(found.per_image["rmse"], expected, rtol=1e-5)
    assert found.summary["verdict"] == "constant depth" and found.summary["threshold"] is None


def test_panel_goes_from_small_to_large(sample):
    rows = panel_rows(sample)
    shares = [float(sample.index[row]["foreground"]) for row in rows]
    assert shares == sorted(shares) and set(rows) <= set(sample.rows("test"))


def test_panel_predictions_belong_to_its_rows(sample):
    found = evaluate(Oracle("mask"), sample, "mask", "float32")
    for row, prediction in zip(found.summary["panel"], found.panel, strict=True):
        np.testing.assert_array_equal(prediction > 127, sample.masks[row] > 127)


def save(trial, folder, **build):
    trial_folder = folder / trial.run_dir
    trial_folder.mkdir(parents=True)
    choice = {"name": "resunet", "in_channels": 6, "heads": [trial.head], "classes": 1, "options": {"width": 4}} | build
    model = models.build(choice["name"], choice["in_channels"], choice["heads"], **choice["options"])
    torch.save({"state": model.state_dict(), "build": choice}, trial_folder / "model.pt")
    description = {"head": trial.head, "loss": trial.loss, "seed": trial.seed, "status": "finished", "reason": ""}
    description |= {"precision": "float32", "threads": 1, "loss_options": {}, "augmentation": {"flip": 0.5}}
    (trial_folder / "trial.json").write_text(json.dumps(description))
    return model


def test_files_of_a_trial(sample, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trial = Trial("depth", "l1", 0)
    save(trial, tmp_path)
    evaluate_trial(trial, PackedSample.open(tmp_path / "data/sample"))
    summary = json.loads((trial.eval_dir / "metrics.json").read_text())
    with (trial.eval_dir / "per_image.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [sample.index[row]["id"] for row in sample.rows("test")]
    mean = np.mean([float(row["rmse"]) for row in rows])
    assert summary["test"]["rmse"] == pytest.approx(mean)
    assert np.load(trial.eval_dir / "predictions.npy", allow_pickle=False).shape == (6, 32, 32)


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
    with pytest.raises(
        StudyError, match=r"model.pt: (no trained model there; run 'dvc repro train@mask|damaged model)"
    ):
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
