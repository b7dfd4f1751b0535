"""The stages of dvc.yaml as commands that a person types."""

import runpy
import subprocess
import sys

import pytest

from support.clone import ROOT

STAGES = sorted((ROOT / "stages").glob("*.py"), key=lambda path: path.name)


def typed(stage, word, monkeypatch):
    monkeypatch.setattr(sys, "argv", [str(stage), word])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(stage), run_name="__main__")
    return ended.value.code


@pytest.mark.parametrize("stage", STAGES, ids=[path.stem for path in STAGES])
def test_a_word_that_a_stage_does_not_know_starts_nothing(stage, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert typed(stage, "--help", monkeypatch) == 0
    assert stage.name in capsys.readouterr().out
    assert typed(stage, "--nonsense", monkeypatch) == 2
    assert not list(tmp_path.iterdir())


def test_to_decide_a_round_imports_neither_torch_nor_scipy_stats():
    """Both take longer to import than all else that `decide` does, which everybody waits for between two rounds."""
    code = "import sys\nfrom loss_study.statistics import ranking, results\n"
    code += "print({'torch', 'scipy.stats'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
