"""One network with both heads in a study that DVC runs for real, in a clone, at the smallest scale."""

import json

import pytest

from loss_study.config import composition
from support.clone import Clone

pytestmark = [pytest.mark.pipeline, pytest.mark.long]

SMOKE = ["scale=smoke", "joint=equal", "loss.names=[dice]", "seeds=[0,1]", "race.rounds=[1,2]", "recipe.epochs=2"]
SMOKE += ["sample.images=40", "sample.validation_images=8", "sample.test_images=12"]
#: Takes the place of stages/decide.py: the depth alone asks for the joint training.
DECIDE = """import sys

from loss_study import decisions
from loss_study.config import load_config

decisions.write(load_config(), int(sys.argv[1]), {"mask": ["dice"], "depth": ["joint_equal"]})
"""
LATER = "rounds/dvc.yaml:"


def test_one_training_is_evaluated_on_both_heads_as_long_as_one_asks_for_it(tmp_path):
    clone = Clone(tmp_path / "clone")
    composition.compose(clone.folder / "params.yaml", SMOKE)
    (clone.folder / "stages/decide.py").write_text(DECIDE)
    clone.commit("a joint training, smallest scale")
    stages = clone.ran(clone.run("dvc", "repro"))
    name = "joint_equal"
    assert [stage for stage in stages if "joint" in stage] == [
        f"train_joint@{name}",
        f"evaluate_joint@{name}",
        f"{LATER}train_joint@2-{name}",
        f"{LATER}evaluate_joint@2-{name}",
    ]
    trained = sorted((clone.folder / "runs").glob(f"*/joint/{name}/*/model.pt"))
    assert [path.parts[-5:-1] for path in trained] == [("1", "joint", name, "0"), ("2", "joint", name, "1")]
    evaluated = (clone.folder / "eval").glob(f"*/joint/{name}/*/*/metrics.json")
    assert sorted((path.parts[-6], path.parts[-3]) for path in evaluated) == [
        ("1", "depth"),
        ("1", "mask"),
        ("2", "depth"),
    ]
    # What the report has of the second round depends on what such networks have learned.
    assert {("mask", name, "0"), ("depth", name, "0")} <= {
        (row["head"], row["loss"], row["seed"]) for row in clone.rows("compare.csv")
    }
    assert (
        "One network with both heads: dice for the mask, ssim for the depth"
        in (clone.folder / "reports/index.html").read_text()
    )
    assert clone.ran(clone.run("dvc", "repro")) == []

    loss = clone.folder / "src/loss_study/losses/ssim.py"
    loss.write_text(loss.read_text() + "\n# edited\n")
    changed = json.loads(clone.run("dvc", "status", "--json"))
    assert {f"train_joint@{name}", f"evaluate_joint@{name}"} <= changed.keys()
    assert "train@mask-dice" not in changed
