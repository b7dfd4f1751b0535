"""``loss-study final``: what it trains, resumes and writes."""

import json
from pathlib import Path

import pytest
import torch

from loss_study import cli
from loss_study.final import command, data, write
from loss_study.final.export import ExportError
from loss_study.inference import torch_runtime
from loss_study.inference.folder import ModelFolder
from loss_study.runtime import checksums
from loss_study.runtime.errors import StudyError
from loss_study.training.checkpoint import CHECKPOINTS
from support.clone import ROOT
from support.final_model import CHOICES, run_final, write_study
from support.samples import write_sample
from support.small_training import KilledError, same

EXPORT = write._export
pytestmark = pytest.mark.usefixtures("not_exported")


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A function that writes a decided study and makes its folder the working directory."""
    monkeypatch.chdir(tmp_path)

    def written(*choices, **options):
        write_study(tmp_path, *choices, **options)

    return written


def weights():
    return torch_runtime.load(ModelFolder.open(Path("model"))).state_dict()


def test_it_says_what_it_trains_and_what_came_out(study, capsys):
    study()
    values = run_final("--epochs", "2")
    said = capsys.readouterr().out
    assert "final  mask: dice, learning rate 0.04. No other loss of the study is better by more than 0.010 IoU" in said
    assert "final  12 training images, 2 epochs" in said
    assert "final  one network for both heads, weighting equal; the study's trials had one for each head" in said
    iou = values["measured"]["mask"]["metrics"][0]["value"]
    assert f"final  mask on the test split: IoU at the threshold chosen on validation {iou:.3f}" in said
    assert values["training"]["networks"][0]["epochs"] == 2 and values["configuration"]["recipe"]["epochs"] == 2
    assert values["training"]["trained_on"].startswith("the training images; the validation images chose")


@pytest.mark.parametrize("words", [["--separate", "--weighting", "equal"], ["--no-register", "--only-register"]])
def test_words_that_contradict_each_other_are_refused(words, capsys):
    with pytest.raises(SystemExit):
        cli.parse(["final", *words])
    assert "not allowed with argument" in capsys.readouterr().err


def test_a_network_for_each_head(study, capsys):
    study()
    values = run_final("--separate")
    assert "final  a network for each head\n" in capsys.readouterr().out
    assert [list(one["losses"]) for one in values["networks"]] == [["mask"], ["depth"]]
    assert [one["lr"] for one in values["training"]["networks"]] == [0.04, 0.01]
    found = torch_runtime.load(ModelFolder.open(Path("model")))(torch.rand(2, 6, 32, 32))
    assert {head: tuple(one.shape) for head, one in found.items()} == {"mask": (2, 1, 32, 32), "depth": (2, 1, 32, 32)}


def test_another_weighting(study):
    study()
    values = run_final("--weighting", "uncertainty", "--epochs", "1")
    assert values["training"]["networks"][0]["weighting"]["name"] == "uncertainty"
    assert "losses weighted by `uncertainty`" in Path("model/README.md").read_text()


def test_a_weighting_that_does_not_exist(study):
    study()
    with pytest.raises(StudyError, match="did you mean 'uncertainty'"):
        run_final("--weighting", "uncertanty")


@pytest.mark.parametrize("head", ["mask", "depth"])
def test_a_study_of_one_head(study, head):
    study(heads=[head])
    values = run_final()
    assert list(values["outputs"]) == list(values["measured"]) == [head]
    assert [one["heads"] for one in values["training"]["networks"]] == [[head]]


def test_with_the_last_epoch_all_images_but_the_test_are_trained_on(study, capsys):
    study("recipe.keep=last")
    folder = Path("eval/1/mask/dice/0")
    folder.mkdir(parents=True)
    (folder / "metrics.json").write_text(json.dumps({"threshold": 0.37}))
    values = run_final()
    assert "final  18 training and validation images" in capsys.readouterr().out
    assert values["training"]["images"] == 18 and values["data"]["images"] == {"train": 12, "validation": 6, "test": 6}
    assert values["outputs"]["mask"]["threshold"] == 0.37
    assert values["training"]["networks"][0]["kept_epoch"] == 3
    card = Path("model/README.md").read_text()
    assert "the training and the validation images, since the last epoch is kept" in card
    assert "the median of those that the study's trials of the same loss chose" in card


@pytest.mark.usefixtures("saved_each_epoch")
@pytest.mark.parametrize("words", [[], ["--separate"]])
def test_a_training_that_was_killed_goes_on_and_ends_the_same(study, monkeypatch, capsys, words):
    study()
    run_final(*words)
    expected = weights()

    def killed(*_):
        raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(write, "write", killed)
        with pytest.raises(KilledError):
            run_final(*words)
    assert list(CHECKPOINTS.glob("*/checkpoint.pt"))
    capsys.readouterr()
    run_final(*words)
    # All epochs are those of the checkpoint: no image is trained on again.
    assert " of 36 " not in capsys.readouterr().out
    assert same(weights(), expected)
    assert not list(CHECKPOINTS.glob("*/checkpoint.pt"))


def test_a_folder_that_cannot_be_completed_leaves_the_old_one(study, monkeypatch):
    study()
    before = run_final("--epochs", "1")

    def fails(_):
        raise KilledError

    monkeypatch.setattr(write, "card", fails)
    with pytest.raises(KilledError):
        run_final("--epochs", "2")
    folder = ModelFolder.open(Path("model"))
    assert folder.description["files"] == before["files"]
    assert folder.file("model.safetensors").is_file()
    assert [path.name for path in Path().glob(".model*")] == []


def test_networks_without_a_graph_cost_one_warning(study, monkeypatch, capsys):
    study()
    monkeypatch.setattr(write, "_export", EXPORT)

    def fails(*_):
        raise ExportError("an operator is missing")

    monkeypatch.setattr(write, "export", fails)
    values = run_final("--epochs", "1")
    assert capsys.readouterr().err == "warning: no model.onnx: an operator is missing; predictions need torch\n"
    assert values["onnx"] is None and "model.onnx" not in values["files"]
    assert "There is no `model.onnx`: an operator is missing." in Path("model/README.md").read_text()


def test_a_training_that_diverges_is_one_line(study):
    study("recipe.optimizer.name=sgd", "recipe.optimizer.options={}")
    for head in ("mask", "depth"):
        path = Path(f"tuning/{head}/{CHOICES[head]['choice']}/choice.json")
        path.write_text(path.read_text().replace('"lr": 0.0', '"lr": 1e30, "was": 0.0'))
        checksums.write(path.parent)
    with pytest.raises(StudyError, match=r"^the training of the final model diverged: .*; try another --seed$"):
        run_final()
    assert not Path("model").exists()


def test_another_dataset_than_the_study_s_heads(study):
    study(heads=["mask"])
    Path("conf").symlink_to(ROOT / "conf")
    arguments = cli.parse(["final", "scale=smoke"])
    with pytest.raises(StudyError, match=r"the study in params\.yaml mask; choose its dataset too"):
        command.main(arguments)


def test_another_scale_has_the_study_s_losses_and_a_sample_of_its_own(study, monkeypatch):
    study("loss_options.dice.smooth=0.5")
    Path("conf").symlink_to(ROOT / "conf")
    monkeypatch.setattr(data, "make", lambda config, folder: write_sample(folder, size=config.sample.size))
    choices = ["scale=smoke", "sample.size=64", "model.options.width=2", "model.options.stages=1", "recipe.epochs=1"]
    values = run_final(*choices, "recipe.batch_size=4")
    assert values["input"]["size"] == 64 and values["outputs"]["depth"]["unit"] == "relative"
    assert values["networks"][0]["losses"]["mask"]["options"]["smooth"] == 0.5
    assert values["configuration"]["sample"]["size"] == 64


def test_no_epochs(study):
    study()
    with pytest.raises(StudyError, match="--epochs: at least 1"):
        run_final("--epochs", "0")


def test_the_history_is_not_evaluated_twice(study, monkeypatch):
    """The test split is read once for each head, whatever was trained before."""
    study()
    read = []
    from loss_study.evaluation import splits

    original = splits.Split.__init__

    def counted(self, sample, name, head, *others):
        read.append((name, head))
        original(self, sample, name, head, *others)

    monkeypatch.setattr(splits.Split, "__init__", counted)
    run_final()
    assert sorted(one for one in read if one[0] == "test") == [("test", "depth"), ("test", "mask")]


def test_a_registration_that_fails_is_a_warning(study, monkeypatch, capsys):
    study()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    arguments = cli.parse(["final", "--epochs", "1"])
    arguments.main(arguments)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 and lines[0].startswith("warning: MLflow at http://127.0.0.1:9: no connection")
    assert lines[1] == "warning: not registered; 'loss-study final --only-register' does it later"
    assert Path("model/model.json").is_file()
