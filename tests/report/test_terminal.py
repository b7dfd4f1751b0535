import io
import json
from pathlib import Path

from rich.console import Console

from loss_study.config import ParentConfig
from loss_study.report import terminal
from support.fabricated_study import Study, collapse
from support.rankings import DECIDED, UNDECIDED, ranked


def printed(rankings, config):
    console = Console(width=110, record=True, force_terminal=False, file=io.StringIO())
    terminal.show(rankings, config, console)
    return console.export_text()


def test_the_terminal_says_the_answer_in_ten_lines(study):
    text = printed([ranked(DECIDED), ranked(UNDECIDED, "depth")], study.config)
    assert text.isascii()
    assert len(text.splitlines()) <= 10
    assert "mask: Use dice. With 95 % confidence no other loss is more than 0.015 IoU better.\n" in text
    assert "  Worse than the best: l1 by 0.021 to 0.034 and ssim by 0.500 to 0.610.\n" in text
    assert "depth: Use dice for the time being." in text
    assert "21 trainings, 21 minutes of training time in total.\n" in text
    assert "failed" not in text
    assert text.endswith(f"report: {Path('reports/index.html').resolve()}\n")


def test_the_terminal_says_what_the_losses_continue_from(study):
    rankings = [ranked(DECIDED), ranked(UNDECIDED, "depth")]
    recipe = study.config.recipe.model_copy(update={"parent": ParentConfig(epochs=5)})
    lines = printed(rankings, study.config.model_copy(update={"recipe": recipe})).splitlines()
    assert lines[0].startswith("The question is which loss should finish a training: from one parent network for each")
    assert lines[1].startswith("The parent is one draw that no interval contains")
    assert lines[2].startswith("mask: Finish with dice.") and len(lines) <= 12
    assert not any(word in printed(rankings, study.config) for word in ("finish", "Finish", "parent"))


def test_failed_trials_are_counted(study):
    assert "2 of 28 trials failed: 1 collapsed, 1 diverged. 1 of 28 trials has no result." in printed(
        study.rankings, study.config
    )


def test_a_loss_that_is_not_compared_is_named_under_the_answer(study):
    mask, depth = printed(study.rankings, study.config).split("depth: ")
    assert "\n  ssim failed with 1 of 2 seeds (collapsed): its numbers are those of the other seeds. It " in mask
    assert "\n  bce has no result of 1 of 2 seeds: " in depth
    assert "\n  huber failed with 1 of 2 seeds (diverged): " in depth
    assert (mask.count("and not compared."), depth.count("and not compared.")) == (1, 2)


def test_a_loss_that_always_collapses_is_ranked_nowhere(study):
    collapse("depth", "dice", "no better than a constant depth")
    read = Study.read()
    last = read.ranking("depth").standings[-1]
    assert (last.loss, last.mean, last.group, last.regret_high, last.trials) == ("dice", None, "", None, 0)
    files = read.files()
    row = next(row for row in files["answer.csv"].decode().splitlines() if row.startswith("depth,rmse_coded,dice"))
    assert row == "depth,rmse_coded,dice,,,,,,,0"
    assert "dice" not in json.loads(files["metrics.json"])["depth"]
    page = files["index.html"].decode()
    assert page.count("dice failed with every seed.") == 1
    assert "dice: collapsed: no better than a constant depth</title>" in page
    assert "constant depth; collapsed" not in page
    text = printed(read.rankings, read.config)
    assert "4 of 28 trials failed: 3 collapsed, 1 diverged. 1 of 28 trials has no result." in text
    assert text.split("depth: ")[1].count("dice") == text.count("\n  dice failed with every seed.\n") == 1


def test_a_temporary_experiment_says_how_to_get_its_report(study, tmp_path, monkeypatch):
    folder = tmp_path / ".dvc/tmp/exps/tmp1"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("DVC_EXP_NAME", "aside")
    text = printed(study.rankings, study.config)
    assert "'dvc exp apply aside' brings it to reports/index.html" in text
    assert str(folder) not in text
