"""A final model that is trained and exported once for all tests of this folder: the export takes seconds."""

import contextlib

import pytest

from loss_study.inference.folder import ModelFolder
from support.final_model import run_final, write_study
from support.made_once import made_once


@pytest.fixture(scope="session")
def written(tmp_path_factory) -> ModelFolder:
    """The folder that `final` writes for a study of discs: one network with both heads."""

    def make(root):
        write_study(root)
        with contextlib.chdir(root):
            run_final()

    return ModelFolder.open(made_once(tmp_path_factory, "final", make) / "model")


@pytest.fixture
def not_exported(monkeypatch):
    """No ``model.onnx`` is made, which takes seconds."""
    monkeypatch.setattr("loss_study.final.write._export", lambda *_: (None, "not wanted here"))
