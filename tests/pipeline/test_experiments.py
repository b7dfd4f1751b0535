"""A DVC user's first hour: experiments in a fresh clone, applied, queued, compared, drawn."""

import csv
import json

import pytest

from support.clone import WITHOUT_MLFLOW, Clone

pytestmark = pytest.mark.pipeline

SMALL = ("-S", "scale=smoke", "-S", "loss.heads=[mask]", "-S", "recipe.epochs=2", "-S", "sample.images=40")
NEW_LOSS = '''"""Squared error of the predicted probability (the Brier score)."""

import torch

from loss_study.losses.shared.base import Loss


def squared(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return one value per image, (N,)."""
    return (torch.sigmoid(logits) - target).square().mean(dim=(1, 2, 3))


LOSS = Loss(squared)
'''
NEW_CHOICE = """# @package _global_
loss:
  names: [squared]
  heads: ${dataset.heads}
loss_options:
  squared: {}
"""


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A fresh clone in which one loss is tried, as its first command."""
    made = Clone(tmp_path_factory.mktemp("experiments") / "clone", baseline=True)
    made.identify()
    return made


@pytest.fixture(scope="module")
def first(clone):
    return clone.run(*WITHOUT_MLFLOW, "dvc", "exp", "run", "--name", "try-dice", "-S", "loss=dice", *SMALL)


def experiments(clone) -> dict[str, dict[str, str]]:
    table = list(csv.DictReader(clone.run("dvc", "exp", "show", "--csv").splitlines()))
    return {row["Experiment"]: row for row in table if row["Experiment"]}


def test_one_loss_in_a_fresh_clone_runs_that_loss_only(clone, first):
    assert clone.ran(first) == [
        "check", "download", "inspect", "sample", "parent@mask", "train@mask-dice", "evaluate@mask", "compare",
    ]  # fmt: skip
    assert {row["loss"] for row in clone.rows("compare.csv")} == {"dice"}
    assert "warning: MLflow at http://127.0.0.1:9: no connection" in first


def test_the_first_command_warns_of_nothing(first):
    assert "WARNING" not in first and "case_studies" not in first, first


def test_an_experiment_can_be_applied(clone, first):
    clone.run("git", "checkout", "--quiet", "--", ".")
    clone.run("dvc", "exp", "apply", "try-dice")
    assert {row["loss"] for row in clone.rows("compare.csv")} == {"dice"}


@pytest.mark.long
def test_a_temporary_experiment_leaves_the_workspace_alone_and_is_compared(clone, first):
    before = (clone.folder / "params.yaml").read_text()
    choices = ("-S", "loss=dice", "-S", "loss_options.dice.smooth=0.5")
    output = clone.run("dvc", "exp", "run", "--temp", "--name", "smoother", *choices, *SMALL)
    assert "'dvc exp apply smoother' brings it to reports/index.html" in output
    assert (clone.folder / "params.yaml").read_text() == before
    code = "import mlflow; print(*mlflow.search_runs(search_all_experiments=True)['params.loss.smooth'].dropna())"
    assert "0.5" in clone.run("python", "-W", "ignore", "-c", code).split()
    difference = json.loads(clone.run("dvc", "metrics", "diff", "--json", "--all", "try-dice", "smoother"))
    changes = difference.get("diff", difference)
    (changes,) = changes.values()
    # Of networks that learn on one processor and collapse on another, only what holds for both.
    assert {"old", "new"} <= set(changes["trials.planned"])


@pytest.mark.long
def test_a_new_loss_in_the_queue_lines_up_and_is_drawn(clone, first):
    clone.run("git", "checkout", "--quiet", "--", ".")
    (clone.folder / "src/loss_study/losses/squared.py").write_text(NEW_LOSS)
    (clone.folder / "conf/loss/squared.yaml").write_text(NEW_CHOICE)
    clone.commit("a loss")
    clone.run("dvc", "exp", "run", "--queue", "--name", "try-squared", "-S", "loss=squared", *SMALL)
    clone.run("dvc", "exp", "run", "--run-all")
    assert "try-squared" in experiments(clone)
    clone.run("dvc", "exp", "apply", "try-squared")
    assert {row["loss"] for row in clone.rows("compare.csv")} == {"squared"}
    assert "mask.best_loss" in experiments(clone)["try-squared"]
    drawn = clone.run("dvc", "plots", "diff", "--json", "workspace")
    assert "squared" in drawn and "weighted_bce" not in drawn


def test_mistakes_end_in_one_line_before_any_work(tmp_path):
    clone = Clone(tmp_path / "clone")
    clone.identify()
    output = clone.run("dvc", "exp", "run", "-S", "dataset.name=scene", code=255)
    assert "error: unknown dataset 'scene': did you mean 'scenes'?" in output and "Traceback" not in output
    assert clone.ran(output) == ["check"]
    assert not (clone.folder / "data" / "source").exists()
    assert "Could not find 'loss/dcie'" in clone.run("dvc", "exp", "run", "-S", "loss=dcie", code=255)
