"""Joint trainings in the report: beside the losses on both heads, and a section of their own."""

import csv
import json
import shutil
from pathlib import Path

import pytest
import yaml

from loss_study.report import terminal
from loss_study.report.sections import joint
from loss_study.report.sections.study import time
from loss_study.runtime import checksums
from loss_study.trial import Trial
from support.fabricated_study import REPOSITORY, Study, fabricate

HEADS = ("mask", "depth")


def add(name="both", mask="dice", depth="rmse", seeds=(0, 1)):
    """Add a joint training to the fabricated study: on each head it has what the separate loss has."""
    values = yaml.safe_load(Path("params.yaml").read_text())
    options = {name: {"mask": mask, "depth": depth, "weighting": "equal"}}
    values["joint"] = {"names": [name], "options": options}
    Path("params.yaml").write_text(yaml.safe_dump(values))
    for seed in seeds:
        separate = {head: Trial(head, loss, seed) for head, loss in zip(HEADS, (mask, depth), strict=True)}
        of_both = {head: Trial(head, name, seed, joint=True) for head in HEADS}
        run_dir = of_both["mask"].run_dir
        run_dir.mkdir(parents=True)
        record = json.loads((separate["mask"].run_dir / "trial.json").read_text())
        of_heads = {
            head: {"head": head, "trained_with": trial.loss, "loss_options": {}, "kept_validation": 0.5}
            for head, trial in separate.items()
        }
        record |= {"head": "joint", "loss": name, "seconds": 15.0, "of_heads": of_heads}
        (run_dir / "trial.json").write_text(json.dumps(record))
        rows = {head: list(csv.DictReader((trial.run_dir / "history.csv").open())) for head, trial in separate.items()}
        both = [
            row
            | {"validation": "0.1"}
            | {
                f"{column}_{head}": rows[head][place][column]
                for head in HEADS
                for column in ("train_loss", "validation")
            }
            for place, row in enumerate(rows["mask"])
        ]
        with (run_dir / "history.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(both[0]))
            writer.writeheader()
            writer.writerows(both)
        for head, trial in of_both.items():
            shutil.copytree(separate[head].eval_dir, trial.eval_dir)
            metrics = trial.eval_dir / "metrics.json"
            metrics.write_text(json.dumps(json.loads(metrics.read_text()) | {"loss": trial.loss}))
            checksums.write(trial.eval_dir)


@pytest.fixture
def study(folder):
    fabricate(folder, repository=REPOSITORY, losses=["dice", "rmse", "bce"])
    add()
    return Study.read()


def test_a_joint_training_stands_in_the_ranking_of_each_head(study):
    for head, loss in zip(HEADS, ("dice", "rmse"), strict=True):
        ranking = study.ranking(head)
        found = {standing.loss: standing for standing in ranking.standings}
        assert found["both"].mean == found[loss].mean and found["both"].trials == 2
        history = [row["validation"] for row in found["both"].results[0].history]
        assert history == [row["validation"] for row in found[loss].results[0].history]


def test_the_page_and_the_tables_have_it(study):
    files = study.files()
    page = files["index.html"].decode()
    assert '<a href="#joint">One network or two</a>' in page and 'id="joint"' in page
    words = "One network with both heads: dice for the mask, rmse for the depth, weighting equal."
    assert words in page and ".loss-both {" in page
    assert "comparisons of a joint training with separate networks on a head: worse in 0, no worse" in page
    for name in ("answer.csv", "compare.csv", "pairs.csv", "curves.csv"):
        assert "both" in files[name].decode(), name
    assert "A training takes 15 s, the 2 separate ones take 22 s together." in page


def test_without_a_joint_training_there_is_no_section(folder):
    fabricate(folder, repository=REPOSITORY, losses=["dice", "rmse"])
    study = Study.read()
    page = study.page()
    assert "joint training" not in page.lower() and "One network or two" not in page
    assert joint.content([study.ranking(head) for head in HEADS], study.config) is None


def test_a_joint_training_is_one_training(study):
    """Three losses, two heads and two seeds, one of which is missing, and two joint ones."""
    assert time(study.results, []).startswith("13 trainings, ")


def test_the_terminal_says_what_is_known_of_it(study, capsys):
    terminal.show(study.rankings, study.config)
    assert "both: One network with both heads: dice for the mask, rmse for the depth" in capsys.readouterr().out
