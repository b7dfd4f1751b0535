import io
import re
from pathlib import Path

from rich.console import Console

from loss_study.report import terminal


def test_terminal_in_a_log_is_plain_and_names_failures(study):
    console = Console(width=110, record=True, force_terminal=False, file=io.StringIO())
    terminal.show(study.rankings, console)
    text = console.export_text()
    assert text.isascii()
    assert re.search(r"1 +dice +0\.930 +0\.920 0\.940 +11 s", text)
    assert "mask-ssim-1 collapsed: all background" in text
    assert f"report: {Path('reports/index.html').resolve()}\n" in text


def test_a_temporary_experiment_says_how_to_get_its_report(study, tmp_path, monkeypatch):
    folder = tmp_path / ".dvc/tmp/exps/tmp1"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("DVC_EXP_NAME", "aside")
    console = Console(width=110, record=True, force_terminal=False, file=io.StringIO())
    terminal.show(study.rankings, console)
    text = console.export_text()
    assert "'dvc exp apply aside' brings it to reports/index.html" in text
    assert str(folder) not in text
