"""`make study` in a clone, at the smallest scale: rounds, the clock, a failure, and what is left for `dvc repro`.

On depth, L1 and Huber learn in three epochs of this scale; nothing is decided between losses that collapse.
"""

import csv

import pytest

from loss_study.config import composition
from support.clone import WITHOUT_MLFLOW, Clone

pytestmark = pytest.mark.pipeline

#: One seed shows nothing certain, so both losses train in the second round; with two seeds they differ by less than so
#: wide a margin, so none trains in the third.
RACE = ["seeds=[0,1,2]", "race.rounds=[1,2,3]", "compare.margin.depth=1e6"]
SMALL = ["scale=smoke", "loss.names=[l1,huber]", "loss.heads=[depth]", "recipe.epochs=3"]
#: That MLflow gets what a study leaves is tested in tests/pipeline/test_pipeline.py and tests/tracking/.
STUDY = (*WITHOUT_MLFLOW, "loss-study", "run", "--jobs", "2")


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    made = Clone(tmp_path_factory.mktemp("study") / "clone")
    composition.compose(made.folder / "params.yaml", [*SMALL, *RACE])
    return made


def trials(clone):
    return [(row["loss"], row["seed"], row["status"]) for row in clone.rows("compare.csv")]


@pytest.mark.long
def test_a_failure_stops_no_other_training_and_ends_in_the_report(tmp_path):
    clone = Clone(tmp_path / "clone")
    composition.compose(clone.folder / "params.yaml", [*SMALL, "seeds=[0]"])
    broken = clone.folder / "src/loss_study/losses/l1.py"
    source = broken.read_text()
    # The two images that `check` tries it on are few enough.
    broken.write_text(source.replace("    return ", "    1 / (len(logits) <= 2)\n    return ", 1))
    output = clone.run(*STUDY, code=1)
    broken.write_text(source)
    assert "ZeroDivisionError" in output
    assert "error: failed: depth-l1; the same command tries again" in output
    assert trials(clone) == [("l1", "0", "missing"), ("huber", "0", "finished")]


def test_the_clock_stops_it_between_two_rounds(clone):
    output = clone.run(*STUDY, "--minutes", "0.001")
    assert "depth-l1-0  epoch 1/3" in output and "depth-huber-0  epoch 1/3" in output
    assert "0.001 minutes are over: no round 2; the same command goes on" in output
    assert trials(clone) == [("l1", "0", "finished"), ("huber", "0", "finished")]


def test_it_goes_on_to_the_decision(clone):
    output = clone.run(*STUDY)
    assert "depth-huber-1  epoch 1/3" in output and "depth-huber-0  epoch" not in output
    assert "git add params.yaml dvc.lock rounds/dvc.lock reports/metrics.json" in output
    assert trials(clone) == [(loss, seed, "finished") for loss in ("l1", "huber") for seed in ("0", "1")]
    assert [row["round"] for row in clone.rows("rounds.csv")] == ["1", "2"]
    assert clone.metrics()["depth"]["decided"] is True


def test_what_is_left_for_dvc_are_stages_without_work(clone):
    before = {name: clone.rows(name) for name in ("compare.csv", "answer.csv", "rounds.csv")}
    output = clone.run("dvc", "repro")
    stages = [stage.removeprefix("rounds/dvc.yaml:") for stage in clone.ran(output)]
    # They leave empty folders, which DVC does not count as a change of what `compare` depends on.
    assert sorted(stages) == ["evaluate@3-depth", "train@3-depth-huber", "train@3-depth-l1"]
    assert {name: clone.rows(name) for name in before} == before
    assert not list(clone.folder.glob("runs/3/*/*/*")) and not list(clone.folder.glob("eval/3/*/*"))


def test_a_stage_can_be_typed(clone):
    """The command of a training does its work without DVC, and gives the numbers that it gave beside another one."""
    history = clone.folder / "runs/2/depth/huber/1/history.csv"

    def losses():
        return [(row["train_loss"], row["validation"]) for row in csv.DictReader(history.read_text().splitlines())]

    before = losses()
    clone.run("python", "stages/train.py", "depth", "huber", "--round", "2")
    assert losses() == before
