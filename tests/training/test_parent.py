"""A parent: trials start from its weights, with statistics of BatchNorm that are recomputed before each validation."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from loss_study import losses, models
from loss_study.config import FineTune, composition, load_config
from loss_study.data.batches import Batches
from loss_study.data.packed import PackedSample
from loss_study.evaluation.trained_models import initial_model, load_model
from loss_study.runtime.errors import StudyError
from loss_study.sampling.pack import pack
from loss_study.training import loop, parent, run
from loss_study.training.objective import OneHead
from loss_study.trial import PARENTS, Trial, parent_dir
from support.grid import Grid, dataset, sample_config
from support.samples import write_sample
from support.small_training import TRIAL, KilledError, same, trained

CPU = torch.device("cpu")
PARENT = {"loss": "l1", "epochs": 1, "seed": 2000}
MODEL = parent_dir("mask", 0) / "model.pt"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A study of two epochs whose masks continue from a parent that l1 has trained for one."""
    folder = tmp_path_factory.mktemp("study")
    sample = PackedSample.open(write_sample(folder / "data" / "sample"))
    choices = [f"recipe.parent.{key}={value}" for key, value in PARENT.items()]
    choices += [
        "scale=smoke",
        "recipe.epochs=2",
        "recipe.batch_size=4",
        "model.options.width=2",
        "model.options.stages=2",
    ]
    composition.compose(folder / "params.yaml", [*choices, "recipe.batchnorm=recomputed"])
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        parent.train_parents("mask", sample, load_config())
    return folder


@pytest.fixture(autouse=True)
def inside(folder, tmp_path, monkeypatch):
    """Every test has a copy of that study."""
    monkeypatch.chdir(shutil.copytree(folder, tmp_path / "study"))


@pytest.fixture
def sample():
    return PackedSample.open(Path("data/sample"))


@pytest.fixture
def study():
    return load_config()


def with_recipe(study, **values):
    return study.model_copy(update={"recipe": study.recipe.model_copy(update=values)})


def weights(path):
    return torch.load(path, weights_only=True)["state"]


def started(study, sample, trial=TRIAL):
    objective = OneHead(trial.head, losses.load(trial.loss))
    return loop.start(trial, sample, study.model, study.recipe, objective)


def norms(model):
    return [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]


def test_every_seed_starts_from_the_parent(study, sample):
    expected = weights(MODEL)
    for trial in (TRIAL, Trial("mask", "dice", 1)):
        assert same(started(study, sample, trial).model.state_dict(), expected)
    alone = started(with_recipe(study, parent=parent.ParentConfig()), sample).model.state_dict()
    assert not any(torch.equal(alone[name], expected[name]) for name in expected if name.endswith("conv.weight"))


def test_the_first_step_has_the_loss_of_the_parent_on_the_same_batch(study, sample, monkeypatch):
    seen = []

    def spied(name, options):
        loss = losses.load(name, options)

        def function(logits, target):
            seen.append(loss.function(logits, target))
            return seen[-1]

        return replace(loss, function=function)

    monkeypatch.setattr("loss_study.training.train.losses", type("Spied", (), {"load": staticmethod(spied)}))
    trained(sample, study)
    batch = next(Batches(sample, "train", ["mask"], 4, CPU).shuffled(TRIAL.seed, 1, study.recipe.augmentation))
    model = load_model(MODEL).to(memory_format=torch.channels_last).train()
    expected = torch.nn.functional.binary_cross_entropy_with_logits(
        model(batch.inputs)["mask"], batch.targets["mask"].values, reduction="none"
    ).mean((1, 2, 3))
    torch.testing.assert_close(seen[0], expected)


def test_the_parent_is_trained_from_its_seed_to_its_last_epoch(study, sample):
    """It is the trial of its loss, seed and epochs from random weights, whatever a trial of the study keeps."""
    recorded = json.loads((MODEL.parent / "trial.json").read_text())
    assert (recorded["loss"], recorded["seed"], recorded["epochs_run"]) == ("l1", 2000, 1) and "parent" not in recorded
    alone = with_recipe(study, parent=parent.ParentConfig(), epochs=1, keep="last")
    description, _, expected = trained(sample, alone, Trial("mask", "l1", 2000))
    assert same(weights(MODEL), expected)
    assert recorded["lr"] == description["lr"] == study.recipe.optimizer.lr
    of_child, _, _ = trained(sample, study)
    assert of_child["parent"] == PARENT and of_child["batchnorm"] == "recomputed"


def test_what_a_parent_is_not_trained_with(study):
    study = with_recipe(study, early_stop=2, freeze=["encoder"], fine_tune=FineTune(epochs=2))
    assert study.options_of("l1") == {"sigmoid": True}
    config = parent.as_parent(study)
    assert (config.recipe.early_stop, config.recipe.keep, config.recipe.all_epochs) == (0, "last", 1)
    assert not config.recipe.continues and config.recipe.freeze == ["encoder"] and config.options_of("l1") == {}


def test_recomputed_statistics_are_those_of_the_training_images(sample):
    """By hand: of what each BatchNorm sees of every whole batch of 5, the mean and the variance; 12 images are two."""
    torch.manual_seed(0)
    model = models.build("resunet", sample.in_channels, ["mask"], width=2)
    batches, seen = Batches(sample, "train", ["mask"], 5, CPU), {module: [] for module in norms(model)}
    hooks = [
        module.register_forward_pre_hook(lambda module, inputs: seen[module].append(inputs[0].detach()))
        for module in seen
    ]
    model.train()
    drawn = list(batches.shuffled(0, 0, None))
    for batch in drawn:
        model(batch.inputs)
    for hook in hooks:
        hook.remove()
    before = [module.running_mean.clone() for module in seen]
    loop.recompute_batchnorm(model.eval(), batches, "float32")
    assert len(drawn) == 2 and seen and not model.training
    for module, inputs in seen.items():
        of_channels = [x.transpose(0, 1).flatten(1).double() for x in inputs]
        mean = torch.stack([x.mean(1) for x in of_channels]).mean(0)
        variance = torch.stack([x.var(1) for x in of_channels]).mean(0)
        torch.testing.assert_close(module.running_mean.double(), mean, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(module.running_var.double(), variance, rtol=1e-4, atol=1e-5)
        assert module.momentum == 0.1
    assert not any(torch.allclose(old, module.running_mean) for old, module in zip(before, seen, strict=True))


def test_the_images_are_neither_mirrored_nor_left_out(sample):
    batches = Batches(sample, "train", ["mask"], 4, CPU)
    images = torch.cat([batch.inputs for batch in batches.shuffled(0, 0, None)])
    expected = torch.cat([batch.inputs for batch in batches.in_order()])
    assert sorted(map(str, images.sum((1, 2)).tolist())) == sorted(map(str, expected.sum((1, 2)).tolist()))


def test_recomputing_changes_the_statistics_that_are_kept_and_no_step(study, sample):
    """The result carries the statistics of its own weights; weights and training losses are what they are without."""
    found = {
        kind: trained(sample, with_recipe(study, batchnorm=kind, keep="last")) for kind in ("running", "recomputed")
    }
    steps = {kind: [row[:2] for row in history] for kind, (_, history, _) in found.items()}
    assert steps["running"] == steps["recomputed"]
    running, recomputed = (found[kind][2] for kind in ("running", "recomputed"))
    for name in running:
        of_batches = name.endswith(("running_mean", "running_var", "num_batches_tracked"))
        assert torch.equal(running[name], recomputed[name]) != of_batches, name
    model = load_model(TRIAL.run_dir / "model.pt")
    loop.recompute_batchnorm(model, Batches(sample, "train", ["mask"], 4, CPU), "float32")
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, recomputed[name])


@pytest.mark.usefixtures("saved_each_epoch")
def test_a_killed_trial_goes_on_to_the_last_digit(study, sample, monkeypatch):
    _, expected_history, expected = trained(sample, study)
    advance, steps = run.Reporter.advance, []

    def killed(self, images=1, detail=""):
        steps.append(images)
        if len(steps) == 3 + 2:
            raise KilledError
        advance(self, images, detail)

    with monkeypatch.context() as patch, pytest.raises(KilledError):
        patch.setattr(run.Reporter, "advance", killed)
        trained(sample, study)
    steps.clear()
    monkeypatch.setattr(run.Reporter, "advance", lambda self, images=1, detail="": steps.append(images))
    _, history, found = trained(sample, study)
    assert len(steps) == 3 and history == expected_history and same(found, expected)


def test_a_checkpoint_is_of_its_parent(study, sample):
    before = run.checkpoint_key(TRIAL, sample, study, {})
    assert before == run.checkpoint_key(TRIAL, sample, study, {})
    parent.train_parents("mask", sample, with_recipe(study, parent=study.recipe.parent.model_copy(update={"seed": 1})))
    assert before != run.checkpoint_key(TRIAL, sample, study, {})
    shutil.rmtree(PARENTS)
    alone = with_recipe(study, parent=parent.ParentConfig())
    assert run.checkpoint_key(TRIAL, sample, alone, {})


def test_a_parent_that_is_missing_or_damaged_says_what_to_run(study, sample):
    MODEL.write_bytes(MODEL.read_bytes()[:100])
    with pytest.raises(StudyError, match=r"^parents/mask/0/model\.pt: damaged .*run 'dvc repro -f parent@mask'$"):
        started(study, sample)
    shutil.rmtree(PARENTS)
    with pytest.raises(StudyError, match=r"^parents/mask/0/model\.pt: not there; run 'dvc repro parent@mask'$"):
        started(study, sample)


def test_a_parent_that_diverges_says_what_to_change(study, sample, monkeypatch):
    broken = losses.load("l1")
    broken = replace(broken, function=lambda *batch, **options: losses.load("l1").function(*batch) * float("nan"))
    monkeypatch.setattr(
        "loss_study.training.train.losses", type("Broken", (), {"load": staticmethod(lambda *_: broken)})
    )
    with pytest.raises(
        StudyError, match=r"^recipe\.parent: the parent of depth diverged, .*; lower recipe.optimizer.lr$"
    ):
        parent.train_parents("depth", sample, study)
    assert not parent_dir("depth", 0).exists()


def test_behind_a_frozen_encoder_parent_and_trials_have_the_same_one(study, sample):
    study = with_recipe(study, batchnorm="running", freeze=["encoder"])
    parent.train_parents("mask", sample, study)
    _, _, found = trained(sample, study)
    torch.manual_seed(PARENT["seed"])
    drawn = models.build(study.model.name, sample.in_channels, ["mask"], **study.model.options)
    encoder = models.parts(drawn)["encoder"].state_dict()
    for left in (weights(MODEL), found):
        model = models.build(study.model.name, sample.in_channels, ["mask"], **study.model.options)
        model.load_state_dict(left)
        assert same(models.parts(model)["encoder"].state_dict(), encoder)
    assert not same(found, weights(MODEL))


def test_each_fold_has_a_parent_that_has_not_seen_what_it_tests(study, tmp_path, monkeypatch):
    pack(Grid(), tmp_path / "folds", dataset(), sample_config(images=48, folds=3))
    sample = PackedSample.open(tmp_path / "folds")
    seen, train = [], run.train
    monkeypatch.setattr(
        run, "train", lambda trial, of_fold, *rest: seen.append(of_fold) or train(trial, of_fold, *rest)
    )
    parent.train_parents("mask", sample, study)
    assert [one.fold for one in seen] == [0, 1, 2]
    parts = [{row["id"] for row in one.index if row["split"] == "test"} for one in seen]
    assert len(parts[0] | parts[1] | parts[2]) == len(sample.index)
    found = [weights(parent_dir("mask", fold) / "model.pt") for fold in range(3)]
    for fold in range(3):
        assert same(started(study, sample.of_fold(fold)).model.state_dict(), found[fold])
        assert not same(found[fold], found[fold - 1])


def test_gradients_before_training_are_those_of_the_parent(study, sample):
    trained(sample, study)
    path = TRIAL.run_dir / "model.pt"
    assert same(initial_model(path, TRIAL.seed, MODEL).state_dict(), weights(MODEL))
    after = torch.rand(1)
    initial_model(path, TRIAL.seed, MODEL)
    assert torch.equal(torch.rand(1), after)
    assert not same(initial_model(path, TRIAL.seed).state_dict(), weights(MODEL))


def test_without_a_parent_the_stage_leaves_a_note_and_imports_next_to_nothing():
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("    epochs: 1\n", "    epochs: 0\n"))
    assert list((PARENTS / "mask").iterdir()) and not load_config().recipe.continues
    stage = str(Path(__file__).parents[2] / "stages" / "parent.py")
    program = "import runpy, sys; sys.modules |= dict.fromkeys(('torch', 'pydantic', 'numpy')); "
    program += f"runpy.run_path({stage!r}, run_name='__main__')"
    subprocess.run([sys.executable, "-c", program, "mask"], check=True)
    assert {path.name for path in (PARENTS / "mask").iterdir()} == {"none.json", "SHA256SUMS"}
