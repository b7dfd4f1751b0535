"""Final models of several classes, and of depth with invalid pixels, both without backgrounds."""

from pathlib import Path

import numpy as np
import pytest

from loss_study import cli
from loss_study.sampling.pack import pack
from loss_study.training import choice
from support.clone import ROOT
from support.data_at_hand import save
from support.final_model import run_final
from support.small_datasets import CLASSES, RgbdWithInvalidPixels, ThreeClasses, study

pytestmark = pytest.mark.usefixtures("not_exported")


@pytest.fixture
def packed(tmp_path, monkeypatch):
    """A function that packs a dataset and makes a study of one loss on it, in the working directory."""

    def made(dataset, loss, **values):
        monkeypatch.chdir(ROOT)
        config = study(tmp_path, [loss], **values)
        monkeypatch.chdir(tmp_path)
        Path(".git").mkdir()
        pack(dataset, Path("data/sample"), config.dataset, config.sample)
        choice.write_recipes_own(values["heads"][0], loss, 0.01)

    return made


def test_several_classes(packed):
    packed(ThreeClasses(), "cross_entropy", heads=["mask"], classes=3, class_names=CLASSES)
    values = run_final("--loss", "mask=cross_entropy", "--epochs", "2")
    assert values["outputs"] == {"mask": {"classes": 3, "class_names": CLASSES, "threshold": None}}
    assert values["input"]["channels"] == 3 and values["input"]["background"] is False
    told = [one["metric"] for one in values["measured"]["mask"]["metrics"]]
    assert told[0] == "iou" and {f"iou_{name}" for name in CLASSES} <= set(told)
    card = Path("model/README.md").read_text()
    assert "probability of each class: pet, background, border" in card and "given the image" not in card
    save(Path("photo.png"), np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8))
    arguments = cli.parse(["predict", "model", "photo.png", "--csv", "--runtime", "torch"])
    arguments.main(arguments)
    rows = Path("predictions/predictions.csv").read_text().splitlines()[1:]
    assert [row.split(",")[2] for row in rows] == CLASSES


def test_depth_with_invalid_pixels(packed):
    packed(RgbdWithInvalidPixels(), "l1", heads=["depth"])
    values = run_final("--loss", "depth=l1", "--epochs", "2")
    assert values["outputs"] == {"depth": {"unit": "relative"}}
    told = {one["metric"]: one for one in values["measured"]["depth"]["metrics"]}
    assert {"rmse_coded", "ssim"} <= set(told) and "rmse" not in told
    assert "values of two images cannot be compared" in Path("model/README.md").read_text()
