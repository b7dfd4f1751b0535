"""Studies of three classes, and of depth with missing readings: sampled, trained, evaluated and compared."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from PIL import Image

from loss_study import losses
from loss_study.config import DatasetConfig, SampleConfig
from loss_study.data.batches import Batches
from loss_study.data.packed import PackedSample
from loss_study.datasets.base import Example
from loss_study.evaluation.evaluate import evaluate_trials
from loss_study.evaluation.trained_models import load_model
from loss_study.report.colouring import class_colours
from loss_study.runtime import checksums
from loss_study.runtime.errors import StudyError
from loss_study.sampling.pack import pack
from loss_study.tracking.panels import sheet
from loss_study.training.checkpoint import load_saved, save_atomically
from loss_study.trial import Trial
from support.small_datasets import CLASSES, RgbdWithInvalidPixels, ThreeClasses, run, study

CPU = torch.device("cpu")
SIZE = 32


def packed(folder, source, **dataset) -> PackedSample:
    sample = SampleConfig(images=24, size=SIZE, validation=0.25, test=0.25, seed=0)
    pack(source, folder / "sample", DatasetConfig(name="drawn", path="images", **dataset), sample)
    return PackedSample.open(folder / "sample")


@pytest.fixture(scope="module")
def of_classes(tmp_path_factory):
    """A finished study of three classes, in its folder."""
    root = tmp_path_factory.mktemp("classes")
    chosen = study(root, ["dice", "l1"], heads=["mask"], classes=3, class_names=CLASSES)
    with pytest.MonkeyPatch.context() as context:
        context.chdir(root)
        return root, *run(chosen, ThreeClasses())


@pytest.fixture(scope="module")
def of_invalid_pixels(tmp_path_factory):
    """A finished study of depth with missing readings, in its folder."""
    root = tmp_path_factory.mktemp("invalid")
    chosen = study(root, ["huber", "ssim"], heads=["depth"])
    with pytest.MonkeyPatch.context() as context:
        context.chdir(root)
        return root, *run(chosen, RgbdWithInvalidPixels())


def page(root) -> str:
    """The report's page without its images."""
    return re.sub(r"data:image/png;base64,[^\"]*", "", (root / "reports" / "index.html").read_text(encoding="utf-8"))


# --- sample and batches -----------------------------------------------------------------------------------------------


def test_classes_are_packed_by_number_with_their_shares(tmp_path):
    sample = packed(tmp_path, ThreeClasses(), heads=["mask"], classes=3, class_names=CLASSES)
    assert sample.classes == 3 and sample.class_names == CLASSES
    assert set(np.unique(sample.masks)) == {0, 1, 2} and sample.valid("mask") is None
    train = np.asarray(sample.masks[sample.rows("train")])
    shares = [float((train == k).mean()) for k in range(3)]
    assert sample.statistics == {"class_shares": pytest.approx(shares)}
    assert losses.TargetStatistics.of(sample.statistics, "mask", sample.classes) == losses.TargetStatistics(
        1 / 3, tuple(shares), classes=3
    )
    assert all(row["foreground"] == "" for row in sample.index)


def test_classes_without_names_get_some(tmp_path):
    assert packed(tmp_path, ThreeClasses(), heads=["mask"], classes=3).class_names == ["class0", "class1", "class2"]


def test_a_batch_of_classes_is_one_hot(tmp_path):
    sample = packed(tmp_path, ThreeClasses(), heads=["mask"], classes=3)
    batch = next(Batches(sample, "train", ["mask"], 4, CPU).in_order())
    target, valid = batch.targets["mask"]
    assert target.shape == (4, 3, SIZE, SIZE) and valid is None
    assert (target.sum(dim=1) == 1).all()
    assert torch.equal(target.argmax(dim=1), torch.from_numpy(sample.masks[sample.rows("train")[:4]]).long())


def test_a_value_that_is_no_class_is_refused(tmp_path):
    with pytest.raises(StudyError, match=r"dataset.classes: .* drawn-\d+ holds class 2, but 2 classes are 0 to 1"):
        packed(tmp_path, ThreeClasses(), heads=["mask"], classes=2)
    assert not (tmp_path / "sample").exists()


def test_missing_readings_are_packed_and_left_out_of_the_statistics(tmp_path):
    sample, source = packed(tmp_path, RgbdWithInvalidPixels(), heads=["depth"]), RgbdWithInvalidPixels()
    depths, valid, rows = sample.targets("depth"), sample.valid("depth"), sample.rows("train")
    assert valid.dtype == np.bool_ and 0.05 < 1 - valid.mean() < 0.4
    assert (depths[~valid] == 0).all()
    mean = depths[rows][valid[rows]].mean() / 65535
    assert sample.statistics == {"depth_mean": pytest.approx(mean)}
    share = f"{1 - valid.mean():.1%} of the pixels have no depth ground truth"
    assert any(share in note for note in sample.meta["notes"])
    batch = next(Batches(sample, "train", ["depth"], 4, CPU).in_order())
    assert torch.equal(batch.targets["depth"].valid[:, 0] > 0, torch.from_numpy(valid[rows[:4]]))
    item = source.draw(None, None, 1, np.random.default_rng(0))[0]
    assert (source.example(item, SIZE).depth[~source.example(item, SIZE).depth_valid] == 65535).all()


@dataclass(frozen=True)
class SomeWithInvalidPixels(RgbdWithInvalidPixels):
    """Missing readings in every second image only; the others say that everything is there, or say nothing."""

    def example(self, item, size):
        example, number = super().example(item, size), int(item.id.removeprefix("drawn-"))
        if number % 2:
            return example
        everywhere = np.ones((size, size), np.bool_) if number % 4 else None
        return Example(example.image, None, example.depth, depth_valid=everywhere)


def test_images_without_invalid_pixels_are_valid_everywhere(tmp_path):
    sample = packed(tmp_path, SomeWithInvalidPixels(), heads=["depth"])
    whole = [int(row["id"].removeprefix("drawn-")) % 2 == 0 for row in sample.index]
    assert sample.valid("depth").all(axis=(1, 2)).tolist() == whole and any(whole) and not all(whole)


def test_a_flip_moves_what_is_valid_with_the_target(tmp_path):
    from loss_study.config import Augmentation

    sample = packed(tmp_path, RgbdWithInvalidPixels(), heads=["depth"])
    batches = Batches(sample, "train", ["depth"], 12, CPU)
    for batch in batches.shuffled(0, 1, Augmentation(flip=1.0)):
        depth, valid = batch.targets["depth"]
        assert (depth[valid == 0] == 0).all() and (depth[valid == 1] > 0).all()


# --- losses -----------------------------------------------------------------------------------------------------------


def test_a_loss_that_cannot_is_refused_in_one_line(tmp_path, monkeypatch):
    chosen = study(tmp_path, ["bce"], heads=["mask"], classes=3)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StudyError, match=r"bce takes a mask of one class, dataset.classes is 3; choose from .*dice"):
        run(chosen, ThreeClasses())


@pytest.mark.parametrize("name", ["l1", "rmse", "huber", "dice", "ssim"])
def test_classes_are_taught_by_the_softmax(name):
    """Over three classes the value falls from random logits to the truth, and is what it is class by class."""
    target = torch.nn.functional.one_hot(torch.arange(3).repeat(2, 24, 8), 3).movedim(-1, 1).float()
    loss = losses.load(name)
    right, even = loss(40 * target - 20, target), loss(torch.zeros_like(target), target)
    # The root has its eps of 1e-6 under it, and is 1e-3 at the truth.
    assert (right < 2e-3).all() and (even > 10 * right).all()
    logits = torch.randn(2, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    # A logit of log(p / (1 - p)) makes each class of the softmax a mask of its own.
    alone = torch.logit(logits.softmax(dim=1))
    of_classes = torch.stack([loss(alone[:, [k]], target[:, [k]]) for k in range(3)])
    expected = of_classes.square().mean(dim=0).sqrt() if name == "rmse" else of_classes.mean(dim=0)
    torch.testing.assert_close(loss(logits, target), expected)


# --- the study of classes ---------------------------------------------------------------------------------------------


def test_classes_train_to_the_report(of_classes):
    root, _, (ranking,) = of_classes
    assert ranking.classes == 3 and ranking.metric.label == "mIoU"
    assert all(standing.mean > 0.4 for standing in ranking.standings)
    evaluation = json.loads((root / Trial("mask", "dice", 0).eval_dir / "metrics.json").read_text())
    assert evaluation["threshold"] is None and evaluation["classes"] == 3
    test = evaluation["test"]
    assert {"iou_pet", "iou_background", "iou_border", "iou_dataset", "custom_iou", "pixel_accuracy"} <= test.keys()
    assert not any(name.endswith("_at_best") for name in test)
    assert test["iou"] == pytest.approx(np.mean([test[f"iou_{name}"] for name in CLASSES]), abs=1e-6), "all in each"


def test_the_model_has_a_logit_for_each_class(of_classes):
    root, _, _ = of_classes
    model = load_model(root / Trial("mask", "dice", 0).run_dir / "model.pt").eval()
    assert model(torch.zeros(1, 3, SIZE, SIZE))["mask"].shape == (1, 3, SIZE, SIZE)
    predictions = np.load(root / Trial("mask", "dice", 0).eval_dir / "predictions.npy")
    assert predictions.dtype == np.uint8 and predictions.max() <= 2


def test_what_is_taken_for_what_is_counted(of_classes):
    root, sample, _ = of_classes
    analysis = json.loads((root / Trial("mask", "dice", 0).eval_dir / "error_analysis.json").read_text())
    assert analysis["response"] is None
    confusion, regions = np.array(analysis["errors"]["confusion"]), analysis["errors"]["regions"]
    truth = np.bincount(sample.masks[sample.rows("test")].ravel())
    assert confusion.sum(axis=1).tolist() == truth.tolist()
    assert regions["outline"]["pixels"] + regions["elsewhere"]["pixels"] == truth.sum()
    wrong = confusion.sum() - np.trace(confusion)
    assert regions["outline"]["wrong"] + regions["elsewhere"]["wrong"] == wrong
    with (root / Trial("mask", "dice", 0).eval_dir / "per_image.csv").open() as file:
        accuracy = np.mean([float(row["pixel_accuracy"]) for row in csv.DictReader(file)])
    assert 1 - wrong / truth.sum() == pytest.approx(accuracy)
    share = analysis["gradients"]["start"]["pixels"]
    assert set(share) == {"outline"} and 0 < share["outline"] < 0.5


def test_the_page_shows_classes_in_colours(of_classes):
    root, _, _ = of_classes
    html = page(root)
    for name, colour in zip(CLASSES, class_colours(3), strict=True):
        assert f'style="background:{colour}"></i> {name}</li>' in html
        assert f"IoU {name}" in html
    assert "mIoU" in html and "threshold" not in html.split('id="metrics"')[1].split("</details>")[0]
    assert "a disc that covers" not in html and ">nan" not in html and " nan" not in html
    panel = np.asarray(Image.open(root / "reports" / "panels" / "mask-0.png").convert("RGB"))
    colours = {f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in np.unique(panel.reshape(-1, 3), axis=0)}
    assert set(class_colours(3)) <= colours


def test_the_sheet_for_mlflow_shows_classes_in_colours(of_classes):
    _, sample, _ = of_classes
    row = int(sample.rows("test")[0])
    drawn = np.asarray(sheet(sample, "mask", [row], np.asarray(sample.masks[[row]])))
    for colour in class_colours(3):
        assert (drawn == list(bytes.fromhex(colour[1:]))).all(axis=-1).any()


def test_a_constant_class_is_called_by_its_name(of_classes, monkeypatch):
    root, sample, _ = of_classes
    trial = Trial("mask", "l1", 0)
    monkeypatch.chdir(root)
    saved = load_saved(trial.run_dir / "model.pt")
    before = {name: tensor.clone() for name, tensor in saved["state"].items()}
    saved["state"]["decoders.mask.logits.weight"].zero_()
    saved["state"]["decoders.mask.logits.bias"].copy_(torch.tensor([0.0, 5.0, 0.0]))
    save_atomically(saved, trial.run_dir / "model.pt")
    checksums.write(trial.run_dir)
    evaluate_trials([trial], sample)
    assert json.loads((trial.eval_dir / "metrics.json").read_text())["verdict"] == "all background"
    save_atomically(saved | {"state": before}, trial.run_dir / "model.pt")
    checksums.write(trial.run_dir)


# --- the study with gaps ----------------------------------------------------------------------------------------------


def test_missing_readings_train_to_the_report(of_invalid_pixels):
    root, _, (ranking,) = of_invalid_pixels
    assert ranking.metric.name == "rmse_coded"
    # Counted as 255, or as the 0 that is packed, a tenth of the pixels and more would hold the error above 0.15.
    assert all(standing.mean < 0.15 for standing in ranking.standings)
    html = page(root)
    assert "invalid pixel, has no ground truth" in html and "of the pixels have no depth ground truth" in html
    assert "foreground" not in html.split("<main>")[1].split('id="losses"')[0].lower()


def test_what_is_missing_changes_no_number(of_invalid_pixels, monkeypatch):
    """Other values where there is no ground truth: the same history, metrics and error analysis to the last digit."""
    root, sample, _ = of_invalid_pixels
    monkeypatch.chdir(root)
    before = {
        name: (root / "eval" / "1" / "depth" / "ssim" / "0" / name).read_bytes()
        for name in ("per_image.csv", "error_analysis.json")
    }
    depths = np.load(sample.folder / "depths.npy")
    np.save(sample.folder / "depths.npy", np.where(sample.valid("depth"), depths, 51400).astype(np.uint16))
    checksums.write(sample.folder)
    try:
        evaluate_trials([Trial("depth", "ssim", 0)], PackedSample.open(sample.folder))
        for name, content in before.items():
            assert (root / "eval" / "1" / "depth" / "ssim" / "0" / name).read_bytes() == content
    finally:
        np.save(sample.folder / "depths.npy", depths)
        checksums.write(sample.folder)
