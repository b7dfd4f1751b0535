"""From a study to a model, for real, in a clone, at the smallest scale.

What the study chooses there depends on the processor, and it may choose nothing: the losses are named.
"""

import json

import numpy as np
import pytest

from loss_study.config import composition
from support.clone import Clone
from support.data_at_hand import save

pytestmark = [pytest.mark.pipeline, pytest.mark.long]

CHOICES = ["scale=smoke", "loss.names=[dice,l1]", "seeds=[0,1]", "race.rounds=[2]", "recipe.epochs=2"]


def test_a_study_a_model_and_a_prediction(tmp_path):
    clone = Clone(tmp_path / "clone")
    composition.compose(clone.folder / "params.yaml", CHOICES)
    clone.run("dvc", "repro")
    output = clone.run("loss-study", "final", "--loss", "mask=dice", "--loss", "depth=l1")
    values = json.loads((clone.folder / "model/model.json").read_text())
    (network,) = values["networks"]
    assert {head: loss["name"] for head, loss in network["losses"].items()} == {"mask": "dice", "depth": "l1"}
    assert "in MLflow: models:/loss-study-scenes@champion, version 1" in output
    assert "up to date" in clone.run("dvc", "repro")

    save(clone.folder / "photo.png", np.full((40, 50, 3), 90, np.uint8))
    said = clone.run("loss-study", "predict", "model", "photo.png", "--background", "photo.png", "--csv")
    assert "predict  1 of 1 images" in said
    assert sorted(path.name for path in (clone.folder / "predictions").iterdir()) == [
        "photo.depth.png", "photo.mask.png", "photo.overlay.jpg", "predictions.csv"
    ]  # fmt: skip
