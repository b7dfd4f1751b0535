"""dvc.yaml names the code that each stage depends on: the imports that decide its results, followed to the end."""

import re

import pytest
import yaml

from loss_study import losses, models
from loss_study.training.joint import weightings as joint_weightings
from support.clone import ROOT
from support.imports import PACKAGE, everything, names

STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
#: Reads, checks, shows or writes, and decides no number of a stage whose configuration DVC watches already.
AROUND = {
    "__init__.py",
    "checks",
    "choices",
    "config",
    "heads.py",
    "joint_trial.py",
    "losses/functional.py",
    "trial.py",
    "runtime",
    "tracking",
}
#: What `sources.model` says of the default model.
MODEL = "src/loss_study/models/resunet.py"
TRAINING = ("training/run.py", "training/search.py")
CHOSEN = {f"losses/{name}.py" for name in losses.names()} | {f"models/{name}.py" for name in models.names()}


def stated(stage, **chosen):
    """Return the files and folders of the package that `stage` depends on, with `chosen` names filled in."""
    found = set()
    for template in STAGES[stage]["deps"]:
        path = re.sub(r"\$\{([\w.]+)\}", lambda match: chosen[match[1]], template)
        if path.startswith("src/loss_study/"):
            found.add(path.removeprefix("src/loss_study/"))
    return found


def within(file, places):
    return any(file == place or file.startswith(f"{place}/") for place in places)


def not_stated(roots, places):
    used = set().union(*(names(everything(PACKAGE / root)) for root in roots))
    return {file for file in used if not within(file, places | AROUND) and file not in CHOSEN}


@pytest.mark.parametrize("loss", losses.names())
def test_a_training_depends_on_all_its_code(loss):
    places = stated("train", **{"item.loss": loss, "item.head": "mask", "sources.model": MODEL})
    assert not_stated(["training/seeds.py", f"losses/{loss}.py", "models/resunet.py"], places) == set()
    assert f"losses/{loss}.py" in places and "models/resunet.py" in places


@pytest.mark.parametrize("loss", losses.names())
def test_a_parent_depends_on_all_its_code(loss):
    places = stated("parent", **{"recipe.parent.loss": loss, "item.head": "mask", "sources.model": MODEL})
    roots = ["training/parent.py", f"losses/{loss}.py", "models/resunet.py"]
    assert not_stated(roots, places) == set()
    assert {file for file in CHOSEN if within(file, places)} == {f"losses/{loss}.py", "models/resunet.py"}


def test_a_training_does_not_depend_on_other_losses_and_models():
    places = stated("train", **{"item.loss": "dice", "item.head": "mask", "sources.model": MODEL})
    assert {file for file in CHOSEN if within(file, places)} == {"losses/dice.py", "models/resunet.py"}


@pytest.mark.parametrize("model", models.names())
def test_every_model_brings_its_code(model):
    places = stated(
        "train", **{"item.loss": "dice", "item.head": "mask", "sources.model": f"src/loss_study/models/{model}.py"}
    )
    assert not_stated([f"models/{model}.py"], places) == set()


def test_combinations_depend_on_every_loss():
    places = stated("train_combination", **{"item.loss": "dice_bce", "item.head": "mask", "sources.model": MODEL})
    assert "losses" in places
    assert not_stated(TRAINING, places) == set()


def test_joint_trainings_depend_on_every_loss_and_weighting():
    weightings = [f"training/joint/weightings/{name}.py" for name in joint_weightings.names()]
    places = stated("train_joint", **{"item.name": "both", "sources.model": MODEL})
    assert "losses" in places and all(within(file, places) for file in weightings)
    assert not_stated([*TRAINING, *weightings], places) == set()
    parameters = STAGES["train_joint"]["params"]
    assert {"joint.options.${item.name}", "loss_options"} <= set(parameters)
    assert set(STAGES["train_combination"]["params"]) <= set(parameters)


@pytest.mark.parametrize(
    ("stage", "roots"),
    [
        ("evaluate_joint", ["evaluation/evaluate.py"]),
        ("download", ["download/prepare.py"]),
        ("inspect", ["inspection/inspect.py", "datasets/__init__.py"]),
        ("sample", ["sampling/pack.py", "datasets/__init__.py"]),
        ("evaluate", ["evaluation/evaluate.py"]),
        ("compare", ["report/build.py", "statistics/ranking.py"]),
    ],
)
def test_the_other_stages_depend_on_all_their_code(stage, roots):
    # Code that has made what the stage reads is in the dependencies of the stage that made it.
    values = {"dataset.path": "nowhere", "sources.dataset": "nowhere", "item.head": "mask", "item.name": "both"}
    places = stated(stage, **values)
    assert not_stated(roots, places) == set()
