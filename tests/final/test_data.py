"""What the final model is trained on."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from loss_study.config import composition, load_config
from loss_study.data.packed import PackedSample
from loss_study.final import data
from loss_study.runtime import checksums
from support.clone import ROOT
from support.final_model import write_study
from support.samples import write_sample


def test_with_the_last_epoch_the_validation_images_are_trained_on(sample):
    everything = data.AllForTraining.of(sample)
    train, validation = sample.rows("train"), sample.rows("validation")
    np.testing.assert_array_equal(everything.rows("train"), np.sort(np.concatenate([train, validation])))
    np.testing.assert_array_equal(everything.rows("test"), sample.rows("test"))
    assert not set(everything.rows("train")) & set(everything.rows("test"))
    assert everything.statistics == sample.statistics


@pytest.fixture
def packed(tmp_path, monkeypatch):
    """A decided study; where a sample is packed, a list grows, and the discs of another seed take its place."""
    monkeypatch.chdir(tmp_path)
    write_study(tmp_path)
    made = []

    def make(config, folder):
        made.append(config.sample.size)
        shutil.rmtree(folder, ignore_errors=True)
        write_sample(folder, seed=1)

    monkeypatch.setattr(data, "make", make)
    return made


def test_the_sample_of_the_study_is_taken_at_its_scale(packed):
    config = load_config()
    assert data.open_sample(config, config).folder == Path("data/sample") and packed == []


def test_another_scale_has_a_sample_of_its_own_packed_once(packed, tmp_path, monkeypatch):
    study = load_config()
    monkeypatch.chdir(ROOT)
    composition.compose(tmp_path / "other.yaml", ["scale=smoke", "sample.size=48"])
    monkeypatch.chdir(tmp_path)
    other = load_config(Path("other.yaml"))
    for _ in range(2):
        assert data.open_sample(other, study).folder == Path("data/final/sample")
    assert packed == [48]
    assert json.loads(Path("data/final/made_of.json").read_text())["sample"]["size"] == 48
    assert PackedSample.open(Path("data/sample")).images.shape[0] == 24


def test_it_is_packed_again_where_the_images_of_the_study_have_changed(packed):
    study = load_config()
    other = study.model_copy(update={"sample": study.sample.model_copy(update={"seed": 5})})
    for times in (1, 2):
        shutil.rmtree("data/sample")
        checksums.write(write_sample(Path("data/sample"), seed=times))
        for _ in range(2):
            data.open_sample(other, study)
        assert len(packed) == times


def test_a_sample_that_was_cut_short_is_packed_again(packed, monkeypatch, tmp_path):
    study = load_config()
    other = study.model_copy(update={"sample": study.sample.model_copy(update={"seed": 5})})

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(data, "make", interrupted)
        with pytest.raises(KeyboardInterrupt):
            data.open_sample(other, study)
    data.open_sample(other, study)
    assert len(packed) == 1
