"""All seeds of a head and loss in one process: the same numbers as alone, and none trained twice."""

from dataclasses import replace
from types import SimpleNamespace
from typing import ClassVar

import pytest
import torch

from loss_study import losses
from loss_study.config import composition, load_config
from loss_study.runtime.errors import StudyError
from loss_study.training import choice, record, run
from loss_study.training.seeds import train_seeds
from loss_study.trial import Trial
from support.small_training import KilledError, left_by, same


@pytest.fixture
def study(tmp_path, sample, monkeypatch):
    """The smoke scale on the discs, three epochs and two seeds, in a fresh working directory."""
    choices = [
        "scale=smoke",
        "recipe.epochs=3",
        "recipe.batch_size=4",
        "model.options.stages=2",
        "seeds=[0,1]",
        "loss.names=[ssim,l1]",
    ]
    composition.compose(tmp_path / "params.yaml", choices)
    monkeypatch.chdir(tmp_path)
    return load_config()


def seeds(study, sample, *numbers, **how):
    """Train these seeds in one process; return what each of them leaves."""
    train_seeds("depth", "ssim", study, sample, seeds=numbers, **how)
    return {number: left_by(Trial("depth", "ssim", number)) for number in numbers}


def assert_equal(one, other):
    """Both have the same history, to the last digit, and the same weights, bit by bit."""
    assert one[1] == other[1] and same(one[2], other[2])


def test_a_seed_has_the_same_numbers_alone_and_in_any_order(study, sample):
    together, turned = seeds(study, sample, 0, 1), seeds(study, sample, 1, 0)
    for seed in (0, 1):
        (alone,) = seeds(study, sample, seed).values()
        assert_equal(together[seed], alone)
        assert_equal(turned[seed], alone)
    assert not same(together[0][2], together[1][2])


def test_dropout_and_rotations_of_one_seed_do_not_move_those_of_the_next(study, sample, monkeypatch):
    from loss_study import models

    build = models.build

    def with_dropout(*arguments, **options):
        model = build(*arguments, **options)
        decoder = model.decoders["depth"]
        decoder.logits = torch.nn.Sequential(torch.nn.Dropout2d(0.5), decoder.logits)
        return model

    monkeypatch.setattr(models, "build", with_dropout)
    augmentation = study.recipe.augmentation.model_copy(update={"rotation": 20.0})
    study = study.model_copy(update={"recipe": study.recipe.model_copy(update={"augmentation": augmentation})})
    assert_equal(seeds(study, sample, 0, 1)[1], seeds(study, sample, 1)[1])


def test_the_seeds_of_the_config_are_trained(study, sample):
    train_seeds("depth", "ssim", study, sample)
    assert all((Trial("depth", "ssim", seed).run_dir / "model.pt").exists() for seed in (0, 1))


def test_a_later_round_without_the_first_one_says_what_to_run(study, sample):
    with pytest.raises(StudyError, match=r"choice.json: not there; run 'dvc repro train@mask-dice'"):
        train_seeds("mask", "dice", study, sample, number=2)


@pytest.mark.usefixtures("saved_each_epoch")
@pytest.mark.parametrize("throttled", [False, True])
def test_a_killed_process_does_not_train_a_finished_seed_again(throttled, study, sample, monkeypatch, tmp_path):
    """Killed in the second epoch of the second seed; what the first one wrote is deleted, as DVC does."""
    expected = seeds(study, sample, 0, 1)
    if throttled:
        monkeypatch.setattr("loss_study.training.checkpoint.SHARE", 0.0)
    advance, steps = run.Reporter.advance, []

    def killed(self, images=1, detail=""):
        steps.append(images)
        if len(steps) == 9 + 5:
            raise KilledError
        advance(self, images, detail)

    with monkeypatch.context() as patch, pytest.raises(KilledError):
        patch.setattr(run.Reporter, "advance", killed)
        seeds(study, sample, 0, 1)
    for path in (Trial("depth", "ssim", seed).run_dir for seed in (0, 1)):
        for file in path.iterdir():
            file.unlink()

    monkeypatch.setattr(run.Reporter, "advance", lambda self, images=1, detail="": steps.append(images))
    steps.clear()
    found = seeds(study, sample, 0, 1)
    # Nothing of the first seed; of the second two epochs of three steps, or all three where no checkpoint was due.
    assert len(steps) == (9 if throttled else 6)
    for seed in (0, 1):
        assert_equal(found[seed], expected[seed])
    assert not list((tmp_path / "checkpoints").iterdir())


def test_killed_while_the_last_seed_is_written_trains_nothing_again(study, sample, monkeypatch, tmp_path):
    write = record.write

    def killed(trial, *arguments):
        if trial.seed == 1:
            raise KilledError
        write(trial, *arguments)

    with monkeypatch.context() as patch, pytest.raises(KilledError):
        patch.setattr(record, "write", killed)
        seeds(study, sample, 0, 1)
    steps = []
    monkeypatch.setattr(run.Reporter, "advance", lambda self, images=1, detail="": steps.append(images))
    seeds(study, sample, 0, 1)
    assert steps == [] and not list((tmp_path / "checkpoints").iterdir())


def test_one_trial_that_diverges_does_not_stop_the_others(study, sample, monkeypatch):
    """It stays diverged when the process is started again, and is not trained a second time."""
    alone = seeds(study, sample, 1)[1]
    built = []

    def diverges_for_the_first(name, options):
        loss = losses.load(name, options)
        built.append(loss)
        return (
            loss
            if len(built) > 1
            else replace(loss, function=lambda *batch, **options: loss.function(*batch, **options) * float("nan"))
        )

    write = record.write

    def killed(trial, *arguments):
        if trial.seed == 1 and len(built) == 2:
            raise KilledError
        write(trial, *arguments)

    monkeypatch.setattr("loss_study.training.train.losses", SimpleNamespace(load=diverges_for_the_first))
    monkeypatch.setattr(record, "write", killed)
    with pytest.raises(KilledError):
        seeds(study, sample, 0, 1)
    built.append("the process is started again")
    found = seeds(study, sample, 0, 1)
    assert found[0][0]["status"] == "diverged" and found[0][0]["epochs_run"] == 0
    assert found[1][0]["status"] == "finished"
    assert_equal(found[1], alone)
    assert len(built) == 3


class Heard:
    """A listener that keeps what it is told."""

    told: ClassVar[list] = []

    def __init__(self, trial, config):
        self.name, self.lr = trial.name, config.recipe.optimizer.lr

    def epoch(self, row):
        self.told.append((self.name, self.lr, int(row["epoch"])))

    def close(self, status):
        self.told.append((self.name, self.lr, status))


def test_a_listener_hears_of_each_trial_with_the_rate_that_it_is_trained_with(study, sample, monkeypatch):
    monkeypatch.setattr(Heard, "told", [])
    recipe = study.recipe
    recipe = recipe.model_copy(update={"optimizer": recipe.optimizer.model_copy(update={"lr": 0.004})})
    study = study.model_copy(update={"recipe": recipe})
    found = seeds(study, sample, 0, 1, listen=Heard)
    names = ("depth-ssim-0", "depth-ssim-1")
    assert Heard.told == [(name, 0.004, what) for name in names for what in (1, 2, 3, "finished")]
    assert [one[0]["lr"] for one in found.values()] == [0.004, 0.004]
    assert choice.of(found[0][0]) == choice.Choice(0.004, {})


def test_a_listener_hears_of_an_interruption(study, sample, monkeypatch):
    monkeypatch.setattr(Heard, "told", [])

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(run.Reporter, "advance", interrupted)
    with pytest.raises(KeyboardInterrupt):
        seeds(study, sample, 0, 1, listen=Heard)
    assert Heard.told == [("depth-ssim-0", study.recipe.optimizer.lr, "interrupted")]
