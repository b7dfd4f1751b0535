"""Import paths, and the files behind them that DVC watches."""

import sys
from pathlib import Path

import pytest
import yaml

from loss_study.choices import imported, sources
from loss_study.config import composition, load_config
from loss_study.runtime.errors import StudyError
from loss_study.training.run import checkpoint_key
from loss_study.trial import Trial, training_stage
from support.clone import ROOT

THEIRS = "support.their_things."
FILE = ROOT / "tests/support/their_things.py"


def test_the_file_of_a_class_is_the_one_that_defines_it(tmp_path, monkeypatch):
    (tmp_path / "their_package").mkdir()
    (tmp_path / "their_package/__init__.py").write_text("from their_package.inner import Thing\n")
    (tmp_path / "their_package/inner.py").write_text("class Thing:\n    pass\n")
    monkeypatch.chdir(tmp_path)
    try:
        # In the working directory, which is not on the search path.
        found = imported.source("loss_options.mine", {"_target_": "their_package.Thing"})
    finally:
        for name in ("their_package", "their_package.inner"):
            sys.modules.pop(name, None)
    assert found == Path("their_package/inner.py")
    assert imported.source("loss_options.mine", {"_target_": THEIRS + "Squared"}) == FILE


def test_what_has_no_file_of_its_own():
    assert imported.source("key", {"_target_": "builtins.dict"}) is None
    with imported.given({"mine": lambda: 1}) as paths:
        assert imported.find("key", paths["mine"])() == 1
        assert imported.source("key", {"_target_": paths["mine"]}) is None
    with pytest.raises(StudyError):
        imported.find("key", paths["mine"])


def test_arguments_may_be_made_too():
    made = imported.made("key", {"_target_": "builtins.dict", "a": {"_target_": "builtins.list"}, "b": [{"c": 1}]})
    assert made == {"a": [], "b": [{"c": 1}]}


def test_an_import_that_fails_is_one_line(tmp_path, monkeypatch):
    (tmp_path / "their_broken_module.py").write_text("raise RuntimeError('not\\ntoday')\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        StudyError, match=r"loss_options.x: .*cannot import their_broken_module \(RuntimeError: not today\)"
    ):
        imported.find("loss_options.x", "their_broken_module.Thing")


@pytest.fixture
def study(tmp_path, monkeypatch):
    """The configuration of a study of somebody's loss and model."""
    monkeypatch.chdir(ROOT)
    values = ["loss.names=[bce]", "loss.imported=[mine]", f"+loss_options.mine={{_target_:{THEIRS}Squared}}"]
    values += ["model.name=imported", f"+model.options={{_target_:{THEIRS}Net}}", "loss.heads=[mask]", "scale=smoke"]
    composition.compose(tmp_path / "params.yaml", [*values, "seeds=[0,1,2,3]"])
    return tmp_path / "params.yaml"


def test_composition_finds_the_files_for_dvc(study):
    config = load_config(study)
    assert config.losses == ["bce", "mine"] and config.kind_of("mine") == "imported" and config.kind_of("bce") == ""
    file = FILE.relative_to(ROOT).as_posix()
    assert config.sources.model == file and config.sources.dataset == "src/loss_study/datasets/scenes.py"
    assert config.sources.losses == {"mask-mine": {"head": "mask", "loss": "mine", "file": file}}
    assert config.race.later == [2]


def test_stages_of_imported_losses_are_those_of_dvc(study):
    assert training_stage("mask", "mine", 1, "imported") == "train_imported@mask-mine"
    assert training_stage("mask", "mine", 2, "imported") == "rounds/dvc.yaml:train_imported@2-mask-mine"
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    ours, theirs = stages["train"], stages["train_imported"]["do"]
    assert theirs["cmd"] == ours["cmd"] and theirs["params"] == ours["params"] and theirs["outs"] == ours["outs"]
    file = {"src/loss_study/losses/${item.loss}.py": "${item.file}"}
    assert theirs["deps"] == [file.get(one, one) for one in ours["deps"]]


def test_a_checkpoint_does_not_outlive_an_edit_of_the_file(study, sample, monkeypatch, tmp_path):
    config = load_config(study)
    keys = [checkpoint_key(Trial("mask", loss, 0), sample, config, {}) for loss in ("mine", "bce")]
    edited = tmp_path / "their_things.py"
    edited.write_text(FILE.read_text() + "# edited\n")
    monkeypatch.setattr(imported, "source", lambda *_: edited)
    assert not {checkpoint_key(Trial("mask", loss, 0), sample, config, {}) for loss in ("mine", "bce")} & set(keys)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"names": ["mine"], "imported": []}, "loss.names: mine has a _target_; list it in loss.imported"),
        ({"names": [], "imported": ["bce"]}, "loss_options.bce._target_: missing; write it as my_package.MyLoss"),
    ],
)
def test_a_loss_in_the_wrong_list(study, changes, message):
    values = yaml.safe_load(study.read_text())
    values["loss"] |= changes
    study.write_text(yaml.safe_dump(values))
    with pytest.raises(StudyError, match=message):
        load_config(study)


def test_a_target_that_cannot_be_imported_does_not_compose(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(StudyError, match="cannot import no_such_package") as error:
        composition.compose(
            tmp_path / "p.yaml", ["loss.imported=[mine]", "+loss_options.mine={_target_:no_such_package.A}"]
        )
    assert "ModuleNotFoundError" in str(error.value)


def test_losses_written_in_c_watch_this_project():
    found = sources.of_losses(["mask"], ["mine"], {"mine": {"_target_": "torch.nn.functional.conv2d"}})
    assert (ROOT / found["mask-mine"]["file"]).is_file()
