"""``recipe=continue`` run by DVC for real, in a clone, at the smallest scale."""

import json

import pytest

from loss_study.config import composition
from support.clone import Clone

pytestmark = [pytest.mark.pipeline, pytest.mark.long]

CHOICES = ["recipe=continue", "scale=smoke", "loss.heads=[depth]", "loss.names=[l1,huber]", "seeds=[0]"]
CHOICES += ["recipe.parent.epochs=2", "recipe.search.lr=[0.01]", "recipe.search.epochs=1"]


def test_a_study_that_continues_from_a_parent_and_what_its_parent_reruns(tmp_path):
    clone = Clone(tmp_path / "clone")
    composition.compose(clone.folder / "params.yaml", CHOICES)
    output = clone.run("loss-study", "run", "--jobs", "1")
    assert "Running stage 'parent@depth'" in output and "parent of depth  bce: validation rmse_coded " in output
    assert "The question is which loss should finish a training: from one parent network, trained for 2" in output
    trained = json.loads((clone.folder / "runs/1/depth/l1/0/trial.json").read_text())
    assert trained["parent"] == {"loss": "bce", "epochs": 2, "seed": 2000} and trained["epochs_run"] == 2
    assert "1 parent training" in (clone.folder / "reports/index.html").read_text()
    assert "up to date" in clone.run("dvc", "repro")

    composition.compose(clone.folder / "params.yaml", [*CHOICES, "recipe.parent.epochs=1"])
    stages = clone.ran(clone.run("dvc", "repro", "train@depth-l1"))
    assert stages == ["check", "parent@depth", "train@depth-l1"]
    before = (clone.folder / "parents/depth/0/history.csv").read_text()
    clone.run("python", "stages/parent.py", "depth")
    after = (clone.folder / "parents/depth/0/history.csv").read_text()
    assert [row.split(",")[:4] for row in before.split()] == [row.split(",")[:4] for row in after.split()]
