"""The speed of this machine: measured on images that are repeated, with the code that the study runs."""

from dataclasses import fields

import numpy as np

from loss_study.config.composition import composed
from loss_study.orchestration import speed
from loss_study.orchestration.speed import Speed, repeated


def test_images_are_repeated_until_there_are_enough(sample, tmp_path):
    found = repeated(sample, tmp_path / "repeated", {"train": 30, "validation": 6, "test": 8})
    rows = {split: found.rows(split) for split in ("train", "validation", "test")}
    assert {split: len(of_split) for split, of_split in rows.items()} == {"train": 30, "validation": 6, "test": 8}
    # The sample has 12 images for training: the 30 are they, they, and half of them.
    for number, row in enumerate(rows["train"]):
        original = sample.rows("train")[number % 12]
        assert np.array_equal(found.images[row], sample.images[original])
        assert np.array_equal(found.depths[row], sample.depths[original])
        assert found.background_rows[row] == sample.background_rows[original]
    assert np.array_equal(found.masks[rows["test"]][:6], sample.masks[sample.rows("test")])


def test_a_training_and_an_evaluation_are_measured(sample, tmp_path, monkeypatch):
    config = speed._shortened(composed(["scale=smoke", "loss.names=[bce]"]))
    monkeypatch.chdir(tmp_path)
    counts = {"train": 16, "validation": 8, "test": 8}
    many = repeated(sample, tmp_path / "repeated", counts)
    trial, training, validation = speed._trained("mask", "bce", config, many)
    analysis, evaluation = speed._evaluated("mask", config, many)
    # What begins and ends a training is a difference of two times: 0 where other work makes it negative.
    assert min(training, validation, evaluation) > 0 and min(trial, analysis) >= 0
    assert max(trial, 16 * training, 8 * validation, 8 * evaluation) < 60


def test_what_begins_or_ends_a_training_is_left_out():
    config = speed._shortened(composed(["recipe=continue", "sample.folds=5"]))
    assert (config.recipe.epochs, config.recipe.parent.epochs, config.sample.folds) == (speed.EPOCHS, 0, 1)
    assert config.sample.images == speed.READ


def test_several_processes_give_their_mean():
    one = Speed(1.0, 2.0, {("mask", "bce"): 1.0}, {("mask", "bce"): 4.0}, 0.0, {"mask": 1.0})
    two = Speed(3.0, 2.0, {("mask", "bce"): 2.0}, {("mask", "bce"): 0.0}, 1.0, {"mask": 3.0})
    found = speed._mean([one, two])
    assert [getattr(found, one.name) for one in fields(Speed)] == [
        2.0,
        2.0,
        {("mask", "bce"): 1.5},
        {("mask", "bce"): 2.0},
        0.5,
        {"mask": 2.0},
    ]
