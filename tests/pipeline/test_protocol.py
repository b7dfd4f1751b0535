"""What decides a trial's numbers is all in its protocol, so that DVC and a checkpoint notice when it changes."""

import ast
import hashlib
import json

import pytest
import yaml

from loss_study import composition, losses, models, protocol
from loss_study.config import load_config

#: What a training or an evaluation goes through that does not touch its numbers: files, words, processes, choices.
AROUND = {
    "choices.py", "combination.py", "data/packed.py", "ending.py", "errors.py", "config.py", "progress.py",
    "protocol.py", "redaction.py", "trial.py", "tuning.py", "writing.py", "__init__.py",
}  # fmt: skip


@pytest.fixture
def study(tmp_path):
    composition.compose(tmp_path / "params.yaml", ["loss=dice_bce", "loss.names=[dice]"])
    return load_config(tmp_path / "params.yaml")


def digest(name):
    return hashlib.sha256((protocol.PACKAGE / name).read_bytes()).hexdigest()


def test_it_holds_the_parameters_and_the_code_of_the_loss(study):
    alone, both = (protocol.of_training(loss, study) for loss in ("dice", "dice_bce"))
    assert alone["recipe"]["optimizer"]["lr"] == study.recipe.optimizer.lr
    assert alone["model"] == {"name": "resunet", "options": {"width": 8}}
    assert alone["options"] == study.loss_options["dice"]
    for found, names in ((alone, {"dice"}), (both, {"dice", "bce"})):
        of_losses = {name for name in found["code"] if name.startswith("losses/")}
        assert of_losses == {"losses/__init__.py"} | {f"losses/{name}.py" for name in names}
        assert {name for name in found["code"] if name.startswith("models/") and "_" not in name} == {
            "models/resunet.py"
        }
        assert found["code"]["losses/dice.py"] == digest("losses/dice.py")
        assert found["code"]["training/loop.py"] == digest("training/loop.py")


def test_it_is_written_whole(study, tmp_path):
    (tmp_path / "protocol").mkdir(parents=True)
    (tmp_path / "protocol" / "gone.json").write_text("{}")
    protocol.write(study, tmp_path / "protocol")
    pairs = {f"train/{head}-{loss}/protocol.json" for head in ("mask", "depth") for loss in ("dice", "dice_bce")}
    files = {file.relative_to(tmp_path / "protocol").as_posix() for file in tmp_path.rglob("*.json")}
    assert files == pairs | {"evaluate.json"}
    written = json.loads((tmp_path / "protocol" / "train" / "depth-dice" / "protocol.json").read_text())
    assert written == protocol.of_training("dice", study)


def test_one_more_loss_changes_nobody_elses(tmp_path):
    """The losses that are searched for are those of the study; they decide no training."""
    found = []
    for names in ("[dice]", "[dice,bce]"):
        composition.compose(tmp_path / "params.yaml", ["recipe=tuned", f"loss.names={names}"])
        found.append(protocol.of_training("dice", load_config(tmp_path / "params.yaml")))
    assert found[0] == found[1]


def imported(file):
    """Return the modules of the package that `file` imports, at its top or in a function, as paths in the package."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("loss_study"):
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if alias.name.startswith("loss_study")]
        else:
            continue
        for name in names:
            path = protocol.PACKAGE.joinpath(*name.split(".")[1:])
            found |= {one for one in (path.with_suffix(".py"), path / "__init__.py") if one.is_file()}
    return found


def everything(file):
    """Return all that `file` imports, and what that imports; what is only around the numbers is not looked into."""
    seen, waiting = set(), [file]
    while waiting:
        new = imported(waiting.pop()) - seen
        seen |= new
        waiting += [one for one in new if one.relative_to(protocol.PACKAGE).as_posix() not in AROUND]
    return {one.relative_to(protocol.PACKAGE).as_posix() for one in seen}


@pytest.mark.parametrize(
    ("entry", "names"), [("training/loop.py", protocol.TRAINING), ("evaluation.py", protocol.EVALUATION)]
)
def test_nothing_that_is_imported_on_the_way_to_a_number_is_missing(entry, names):
    """A new module that training or evaluation uses belongs into the protocol, or into `AROUND` above."""
    covered = {file.relative_to(protocol.PACKAGE).as_posix() for file in protocol.files_in(names)}
    missing = everything(protocol.PACKAGE / entry) - covered - AROUND
    assert {name for name in missing if not name.startswith("models/")} == set()


@pytest.mark.parametrize(
    "file", [*(f"losses/{x}.py" for x in losses.names()), *(f"models/{x}.py" for x in models.names())]
)
def test_what_losses_and_models_import_is_covered(file):
    """They are imported by name, so the walk above does not find them."""
    covered = {one.relative_to(protocol.PACKAGE).as_posix() for one in protocol.files_in(protocol.TRAINING)}
    assert everything(protocol.PACKAGE / file) - covered - AROUND == set()


def test_check_depends_on_all_of_it():
    stages = yaml.safe_load((protocol.PACKAGE.parents[2] / "dvc.yaml").read_text())["stages"]
    depended = {name.removeprefix("src/loss_study/") for name in stages["check"]["deps"]}
    for name in {*protocol.TRAINING, *protocol.EVALUATION}:
        assert name in depended or name.split("/")[0] in depended, name
    assert "protocol.py" in depended
