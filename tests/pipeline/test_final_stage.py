"""The final model as a stage, in final/, a DVC project beside the study's: run by DVC in a clone of a decided study."""

import json

import pytest
import yaml

from support.clone import Clone
from support.final_model import CHOICES, write_study

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    clone = Clone(tmp_path_factory.mktemp("stage") / "clone")
    write_study(clone.folder, "recipe.keep=best")
    (clone.folder / "final/params.yaml").write_text(yaml.safe_dump({"options": "--no-register --epochs 1"}))
    clone.commit("a study")
    return clone


@pytest.fixture(scope="module")
def made(clone):
    """What DVC says when it makes the model."""
    return clone.run("dvc", "--cd", "final", "repro")


def test_the_stage_makes_the_model_of_the_decision(clone, made):
    values = json.loads((clone.folder / "final/model/model.json").read_text())
    (network,) = values["networks"]
    assert {head: loss["name"] for head, loss in network["losses"].items()} == {
        head: found["choice"] for head, found in CHOICES.items()
    }
    assert values["training"]["networks"][0]["epochs"] == 1 and values["folder"] == "final/model"
    assert "try 'loss-study predict final/model --help'" in made


def test_a_second_run_does_nothing_and_another_decision_makes_another_model(clone, made):
    assert clone.ran(clone.run("dvc", "--cd", "final", "repro")) == []
    path = clone.folder / "reports/metrics.json"
    before = path.read_text()
    path.write_text(before.replace("dice", "l1"))
    try:
        assert "reports/metrics.json" in clone.run("dvc", "--cd", "final", "status")
    finally:
        path.write_text(before)


def test_the_study_does_not_see_it(clone, made):
    assert "final" not in clone.run("dvc", "stage", "list", "--all", "--name-only").split()
    assert "final" not in clone.run("dvc", "status")
    changed = clone._git("status", "--porcelain").splitlines()
    assert changed == ["?? final/dvc.lock"]
