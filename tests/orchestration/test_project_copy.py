"""A copy of a project, for another study: what is brought up to date in it, and what stays."""

import subprocess

import pytest

from loss_study.orchestration.project_copy import ProjectCopy


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A repository with code, parameters and results."""
    monkeypatch.setattr(ProjectCopy, "run", lambda *_: None)
    folder = tmp_path / "project"
    for name in ("conf/a.yaml", "conf/b.yaml", "params.yaml", "dvc.lock", "reports/answer.csv", "data/sample"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("the project's")
    (folder / ".gitignore").write_text("/data/\n")
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    return folder


def files(folder):
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {name for name in found if not name.startswith(".git/")}


def test_code_is_as_in_the_project_and_what_a_study_has_made_stays(project, tmp_path):
    copy = tmp_path / "copy"
    ProjectCopy.of(project, copy, [])
    assert files(copy) == {".gitignore", "conf/a.yaml", "conf/b.yaml"}
    made = ("params.yaml", "dvc.lock", "reports/answer.csv", "data/sample")
    for name in made:
        (copy / name).parent.mkdir(exist_ok=True)
        (copy / name).write_text("its own")
    (project / "conf/b.yaml").unlink()
    (project / "conf/a.yaml").write_text("changed")
    ProjectCopy.of(project, copy, [])
    assert files(copy) == {".gitignore", "conf/a.yaml", *made}
    assert (copy / "conf/a.yaml").read_text() == "changed"
    assert {(copy / name).read_text() for name in made} == {"its own"}
