"""A dataset is added with one file and one configuration, and nothing else: those of the README."""

import shutil

import numpy as np
import pytest

from loss_study import datasets
from loss_study.checks.check import check_choices
from loss_study.config import composition, load_config
from loss_study.data.packed import PackedSample
from loss_study.download.prepare import prepare
from loss_study.runtime.errors import StudyError
from loss_study.sampling.pack import pack
from support.data_at_hand import ROOT, save
from support.readme import FILES

LEAVES_PY, LEAVES_YAML = FILES["src/loss_study/datasets/leaves.py"], FILES["conf/dataset/leaves.yaml"]


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A folder with the project's conf/, the two new files and some leaves; it is the current one."""
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    (tmp_path / "conf/dataset/leaves.yaml").write_text(LEAVES_YAML)
    (tmp_path / "new_datasets").mkdir()
    (tmp_path / "new_datasets/leaves.py").write_text(LEAVES_PY)
    monkeypatch.setattr(datasets, "__path__", [*datasets.__path__, str(tmp_path / "new_datasets")])
    for plant in "abcd":
        for number in range(5):
            save(tmp_path / f"leaves/scans/{plant}/{number}.jpg", np.full((20, 30, 3), 90, np.uint8))
            save(tmp_path / f"leaves/outlines/{plant}/{number}.png", np.tri(20, 30, dtype=np.uint8) * 255)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_one_file_and_one_configuration_add_a_dataset(study):
    composition.compose(study / "params.yaml", ["dataset=leaves", "scale=smoke", "sample.images=16", "loss=dice"])
    chosen = load_config(study / "params.yaml")
    check_choices(chosen)
    prepare(chosen.dataset, study / "data/source", study / "downloads")
    source = datasets.open_dataset("leaves", study / "leaves", chosen.dataset.options)
    pack(source, study / "data/sample", chosen.dataset, chosen.sample)
    sample = PackedSample.open(study / "data/sample")
    assert sample.in_channels == 3 and sample.meta["heads"] == ["mask"]
    assert "20 scans of leaves." in sample.meta["notes"]
    plants = [{row["object"] for row in sample.index if row["split"] == split} for split in sample.meta["images"]]
    assert all(plants) and sum(map(len, plants)) == len(set.union(*plants))


def test_its_options_are_checked_like_any_others(study):
    changed = ["dataset=leaves", "scale=smoke", "loss=dice", "+dataset.options.allow_mising=true"]
    composition.compose(study / "params.yaml", changed)
    with pytest.raises(StudyError, match=r"dataset\.options\.allow_mising: no such key; did you mean 'allow_missing'"):
        check_choices(load_config(study / "params.yaml"))
