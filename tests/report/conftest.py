"""A fabricated study in the working directory."""

import pytest

from support.fabricated_study import REPOSITORY, Study, fabricate


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Every test here runs in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def study(folder):
    """Seven losses, two heads, two seeds; one trial collapsed, one diverged, one missing."""
    fabricate(folder, repository=REPOSITORY)
    return Study.read()


@pytest.fixture
def one_seed(folder):
    """A function that fabricates a study of the given losses with one seed."""

    def fabricated(losses):
        fabricate(folder, repository=REPOSITORY, losses=losses, seeds=[0])
        return Study.read()

    return fabricated
