"""The study run by DVC for real, in a clone, at the smallest scale.

Networks of that scale may collapse on one processor and learn on another: nothing here needs one to learn.
"""

import csv
import json
from contextlib import contextmanager

import pytest

from loss_study import composition
from support.clone import Clone

pytestmark = pytest.mark.pipeline

#: Of one head; tests/pipeline/test_experiments.py runs the other one.
SMOKE = ["scale=smoke", "loss.names=[bce,dice]", "loss.heads=[mask]", "seeds=[0,1]", "race.rounds=[1,2]"]
#: Takes the place of stages/decide.py, whose statistics decide nothing certain at this scale.
DECIDE = """import sys

from loss_study import decisions
from loss_study.config import load_config

decisions.write(load_config(), int(sys.argv[1]), {"mask": ["dice"]})
"""


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A clone at the smoke scale: two losses train in the first round, from one seed, and Dice in the second."""
    made = Clone(tmp_path_factory.mktemp("pipeline") / "clone")
    composition.compose(made.folder / "params.yaml", SMOKE)
    (made.folder / "stages/decide.py").write_text(DECIDE)
    made.commit("two losses, smallest scale")
    return made


@pytest.fixture(scope="module")
def first_output(clone):
    return clone.run("dvc", "repro")


@pytest.fixture(scope="module")
def dice_alone(clone, first_output):
    """What Dice scored on each test image in both rounds, before other tests change the clone."""
    return scores(clone, "dice")


def scores(clone, loss):
    """Return the rows of ``per_image.csv`` by round and seed."""
    found = (clone.folder / "eval").glob(f"*/mask/{loss}/*/per_image.csv")
    return {(path.parts[-5], path.parts[-2]): path.read_text() for path in found}


def later(stage):
    return f"rounds/dvc.yaml:{stage}"


#: What follows a change of the first round's Dice.
AFTER_DICE = ["evaluate@mask", later("decide@2"), later("train@2-mask-dice"), later("evaluate@2-mask"), "compare"]


def test_repro_runs_every_stage_once(clone, first_output):
    stages = clone.ran(first_output)
    assert stages[:3] == ["check", "download", "sample"] and stages[-1] == "compare"
    first = [f"{stage}@mask-{loss}" for stage in ("tune", "train") for loss in ("bce", "dice")]
    assert sorted(stages[3:7]) == sorted(first)
    assert stages[7:9] == ["evaluate@mask", later("decide@2")]
    assert sorted(stages[9:11]) == [later("train@2-mask-bce"), later("train@2-mask-dice")]
    assert stages[11:-1] == [later("evaluate@2-mask")]
    assert list((clone.folder / "runs/2/mask/bce").iterdir()) == []


def test_progress_is_visible(first_output):
    assert "[2 of 2 of round 1] mask-dice-0  epoch 1/4  loss " in first_output
    assert "[1 of 1 of round 2] mask-dice-1  epoch 1/4  loss " in first_output
    assert " images/s" in first_output


def test_reports_agree_with_each_other(clone, dice_alone):
    assert set(dice_alone) == {("1", "0"), ("2", "1")}
    rows_of_all = clone.rows("compare.csv")
    # Whether the second round counts depends on the real statistics, and so on the processor.
    assert [(row["loss"], row["seed"]) for row in rows_of_all][:2] == [("bce", "0"), ("dice", "0")]
    assert {row["head"] for row in rows_of_all} == {"mask"}
    summary = clone.metrics()
    for loss in ("bce", "dice"):
        rows = [row for row in rows_of_all if row["loss"] == loss]
        sound = [float(row["iou"]) for row in rows if row["status"] == "finished" and not row["verdict"]]
        if len(sound) == len(rows):
            assert summary["mask"][loss]["iou"] == pytest.approx(sum(sound) / len(sound))
    assert summary["trials"]["planned"] == len(rows_of_all) and summary["trials"]["missing"] == 0
    assert {row["epoch"] for row in clone.rows("curves.csv")} == {"1", "2", "3", "4"}
    assert list((clone.folder / "reports" / "panels").glob("*.png"))


def test_a_deleted_mlflow_database_comes_back_with_every_trial_once(clone, first_output):
    (clone.folder / "mlflow.db").unlink()
    clone.run("dvc", "repro", "--single-item", "--force", "compare")
    code = """
import mlflow, numpy
runs = mlflow.search_runs(search_all_experiments=True)
runs = runs[runs["tags.mlflow.runName"].str.match("(mask|depth)-")]
print(*sorted(runs["tags.mlflow.runName"]))
print(runs["metrics.test/iou"].notna().sum())
run = runs[runs["tags.mlflow.runName"] == "mask-dice-1"].iloc[0]
print(run["params.loss"], run["params.head"], run["tags.dvc.stage"])
model = mlflow.pyfunc.load_model(f"runs:/{run.run_id}/model")
print(numpy.asarray(model.predict(numpy.zeros((1, 6, 32, 32), "float32"))).shape)
"""
    lines = clone.run("python", "-W", "ignore", "-c", code).splitlines()
    stage = later("train@2-mask-dice")
    assert lines[-4:] == ["mask-bce-0 mask-dice-0 mask-dice-1", "3", f"dice mask {stage}", "(1, 1, 32, 32)"]


def test_nothing_to_do(clone, first_output):
    assert clone.ran(clone.run("dvc", "repro")) == []
    assert "up to date" in clone.run("dvc", "status")


def test_git_stays_clean_but_for_the_results(clone, first_output):
    changed = {line[3:] for line in clone.run("git", "status", "--porcelain").splitlines()}
    assert all(name.endswith("dvc.lock") or name.startswith("reports/") for name in changed), changed


def status(clone) -> dict[str, str]:
    """Return what `dvc status` says has changed, by stage."""
    answer = json.loads(clone.run("dvc", "status", "--json"))
    return {stage: json.dumps(changes) for stage, changes in answer.items()}


@contextmanager
def edited(clone, path, old="", new="\n# edited\n"):
    """A file with `new` in the place of `old`, or at its end, for as long as the block lasts."""
    file = clone.folder / path
    before = file.read_text()
    assert old in before
    file.write_text(before.replace(old, new) if old else before + new)
    yield
    file.write_text(before)


def test_a_changed_option_of_a_loss_is_named(clone, first_output):
    with edited(clone, "params.yaml", "smooth: 1.0", "smooth: 2.0"):
        changed = status(clone)
        assert "loss_options.dice.smooth" in clone.run("dvc", "params", "diff")
    assert "loss_options.dice" in changed["train@mask-dice"]
    assert not any("bce" in stage for stage in changed) and "sample" not in changed


def test_a_changed_parameter_of_the_recipe_is_named(clone, first_output):
    with edited(clone, "params.yaml", "lr: 0.01", "lr: 0.02"):
        changed = status(clone)
        assert "recipe.optimizer.lr" in clone.run("dvc", "params", "diff")
    # `train` takes the learning rate from what `tune` writes.
    assert "recipe.optimizer.lr" in changed["tune@mask-dice"] and "train@mask-dice" not in changed
    with edited(clone, "params.yaml", "flip: 0.5", "flip: 0.25"):
        assert "recipe.augmentation" in status(clone)["train@mask-dice"]


def test_other_seeds_or_rounds_search_nothing_again(clone, first_output):
    with edited(clone, "params.yaml", "seeds:\n- 0\n- 1\n", "seeds:\n- 0\n- 5\n"):
        changed = status(clone)
    assert set(changed) == {"check", later("decide@2"), "compare"}
    with edited(clone, "params.yaml", "mask: 0.02", "mask: 0.03"):
        changed = status(clone)
    assert set(changed) == {"check", later("decide@2"), "compare"} and "compare" in changed[later("decide@2")]


def test_an_edited_metric_is_named(clone, first_output):
    with edited(clone, "src/loss_study/metrics/iou.py"):
        assert "src/loss_study/metrics" in status(clone)["evaluate@mask"]


def test_editing_what_measures_reruns_no_training(clone, first_output):
    with edited(clone, "src/loss_study/evaluation/evaluate.py"):
        assert set(status(clone)) - {"compare"} == {"evaluate@mask"}
    with edited(clone, "src/loss_study/statistics/pairwise.py"):
        assert set(status(clone)) == {later("decide@2"), "compare"}


def test_a_stage_can_be_typed(clone, first_output):
    """The command of a training does its work without DVC, and gives the same numbers."""
    history = clone.folder / "runs/2/mask/dice/1/history.csv"

    def losses():
        return [(row["train_loss"], row["validation"]) for row in csv.DictReader(history.read_text().splitlines())]

    before = losses()
    clone.run("python", "stages/train.py", "mask", "dice", "--round", "2")
    assert losses() == before


# What follows leaves the clone with other results than it found.


def test_an_edited_loss_is_named_and_its_trials_alone_run_again(clone, first_output):
    with edited(clone, "src/loss_study/losses/dice.py"):
        named = {stage for stage, what in status(clone).items() if "src/loss_study/losses/dice.py" in what}
        assert named == {"tune@mask-dice", "train@mask-dice"}
        ran = clone.ran(clone.run("dvc", "repro"))
    assert ran == ["tune@mask-dice", "train@mask-dice", *AFTER_DICE]


def test_a_changed_decision_reruns_only_the_trials_that_it_changes(clone, first_output):
    with edited(clone, "stages/decide.py", '["dice"]', '["bce", "dice"]'):
        output = clone.run("dvc", "repro")
    assert [stage.removeprefix("rounds/dvc.yaml:") for stage in clone.ran(output)] == [
        "decide@2", "train@2-mask-bce", "evaluate@2-mask", "compare",
    ]  # fmt: skip
    assert set(scores(clone, "bce")) == {("1", "0"), ("2", "1")}


def test_editing_a_term_reruns_its_combinations(clone, first_output):
    choices = ["scale=smoke", "loss=dice_bce", "loss.names=[bce,dice]", "loss.heads=[mask]"]
    composition.compose(clone.folder / "params.yaml", choices)
    clone.run("dvc", "repro", "tune", "tune_combination")
    with edited(clone, "src/loss_study/losses/bce.py"):
        changed = {stage for stage in status(clone) if stage.startswith("tune")}
    assert changed == {"tune@mask-bce", "tune_combination@mask-dice_bce"}


def test_a_trial_is_trained_with_what_the_search_found(clone, first_output):
    choices = ["scale=smoke", "loss.names=[dice]", "loss.heads=[mask]", "recipe=tuned", "recipe.search.seed=2000"]
    composition.compose(clone.folder / "params.yaml", [*choices, "recipe.search.lr=[0.01,0.03]"])
    assert clone.ran(clone.run("dvc", "repro", "train")) == ["check", "tune@mask-dice", "train@mask-dice"]
    record = json.loads((clone.folder / "runs/1/mask/dice/0/trial.json").read_text())
    assert record["lr"] == json.loads((clone.folder / "tuning/mask/dice/choice.json").read_text())["lr"]
    composition.compose(clone.folder / "params.yaml", [*choices, "recipe.search.lr=[0.001,0.003]"])
    assert "recipe.search.lr" in status(clone)["tune@mask-dice"]


def test_make_study_goes_round_by_round_and_goes_on_where_the_clock_or_a_failure_stopped_it(tmp_path, dice_alone):
    """Two trainings at once give the numbers that each has alone."""
    clone = Clone(tmp_path / "clone")
    choices = ["scale=smoke", "loss.names=[l1,dice]", "loss.heads=[mask]", "seeds=[0,1]", "race.rounds=[1,2]"]
    composition.compose(clone.folder / "params.yaml", choices)
    (clone.folder / "stages/decide.py").write_text(DECIDE)
    broken = clone.folder / "src/loss_study/losses/l1.py"
    source = broken.read_text()
    broken.write_text(source.replace("    return ", "    1 / 0\n    return ", 1))
    output = clone.run("loss-study", "run", "--jobs", "2", code=1)
    assert "ZeroDivisionError" in output
    assert "error: failed: mask-l1; the same command tries again" in output
    assert [(row["loss"], row["status"]) for row in clone.rows("compare.csv")] == [
        ("l1", "missing"), ("dice", "finished"),
    ]  # fmt: skip
    broken.write_text(source)

    output = clone.run("loss-study", "run", "--jobs", "2", "--minutes", "0.001")
    assert "0.001 minutes are over: no round 2; the same command goes on" in output
    assert [(row["loss"], row["status"]) for row in clone.rows("compare.csv")] == [
        ("l1", "finished"), ("dice", "finished"),
    ]  # fmt: skip

    output = clone.run("loss-study", "run", "--jobs", "2")
    assert "mask-dice-1  epoch 1/4" in output and "mask-dice-0  epoch" not in output
    assert "git add params.yaml dvc.lock rounds/dvc.lock reports/metrics.json" in output
    assert scores(clone, "dice") == dice_alone and set(scores(clone, "l1")) == {("1", "0")}
    # What is left for `dvc repro` is the stage of the loss that trains no more.
    assert clone.ran(clone.run("dvc", "repro")) == [later("train@2-mask-l1")]
