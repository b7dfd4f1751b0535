"""The study run by DVC for real, in a clone, at the smallest scale.

Networks of that scale may collapse on one processor and learn on another: nothing here needs one to learn.
"""

import json
import shutil
from contextlib import contextmanager

import pytest

from loss_study.config import composition
from support.clone import Clone

pytestmark = pytest.mark.pipeline

#: Of one head; tests/pipeline/test_experiments.py runs the other one.
SMOKE = ["scale=smoke", "loss.heads=[mask]", "seeds=[0,1]", "race.rounds=[1,2]", "recipe.epochs=2"]
SMOKE += ["sample.images=40", "sample.validation_images=8", "sample.test_images=12"]
#: Takes the place of stages/decide.py: what the real one decides of networks of this scale depends on the processor.
#: tests/pipeline/test_make_study.py runs it where it does not.
DECIDE = """import sys

from loss_study import decisions
from loss_study.config import load_config

decisions.write(load_config(), int(sys.argv[1]), {"mask": ["bce", "dice"]})
"""


@pytest.fixture(scope="module")
def clone(tmp_path_factory, empty_store):
    """A clone at the smoke scale: two losses train in either round, from one seed; MLflow has no run yet."""
    made = Clone(tmp_path_factory.mktemp("pipeline") / "clone")
    composition.compose(made.folder / "params.yaml", [*SMOKE, "loss.names=[bce,dice]"])
    (made.folder / "stages/decide.py").write_text(DECIDE)
    shutil.copy(empty_store, made.folder / "mlflow.db")
    made.commit("two losses, smallest scale")
    return made


@pytest.fixture(scope="module")
def first_output(clone):
    return clone.run("dvc", "repro")


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
    assert stages[:5] == ["check", "download", "inspect", "sample", "parent@mask"] and stages[-1] == "compare"
    assert sorted(stages[5:7]) == ["train@mask-bce", "train@mask-dice"]
    assert stages[7:9] == ["evaluate@mask", later("decide@2")]
    assert sorted(stages[9:11]) == [later("train@2-mask-bce"), later("train@2-mask-dice")]
    assert stages[11:-1] == [later("evaluate@2-mask")]


def test_progress_is_visible(first_output):
    assert "[2 of 2 of round 1] mask-dice-0  epoch 1/2  loss " in first_output
    assert "[2 of 2 of round 2] mask-dice-1  epoch 1/2  loss " in first_output
    assert " images/s" in first_output


def test_reports_agree_with_each_other(clone, first_output):
    assert set(scores(clone, "dice")) == {("1", "0"), ("2", "1")}
    rows_of_all = clone.rows("compare.csv")
    # With a loss that fails in the first round there is nothing to compare, and the second round does not count.
    seeds = sorted({row["seed"] for row in rows_of_all})
    assert seeds == ["0", "1"] or (seeds == ["0"] and any(row["verdict"] for row in rows_of_all))
    assert [(row["loss"], row["seed"]) for row in rows_of_all] == [(x, seed) for x in ("bce", "dice") for seed in seeds]
    assert {row["head"] for row in rows_of_all} == {"mask"}
    summary = clone.metrics()
    for loss in ("bce", "dice"):
        rows = [row for row in rows_of_all if row["loss"] == loss]
        sound = [float(row["iou"]) for row in rows if row["status"] == "finished" and not row["verdict"]]
        if len(sound) == len(rows):
            assert summary["mask"][loss]["iou"] == pytest.approx(sum(sound) / len(sound))
    assert summary["trials"]["planned"] == len(rows_of_all) and summary["trials"]["missing"] == 0
    assert {row["epoch"] for row in clone.rows("curves.csv")} == {"1", "2"}
    assert list((clone.folder / "reports" / "panels").glob("*.png"))


def test_nothing_to_do(clone, first_output):
    assert "up to date" in clone.run("dvc", "repro")


def test_git_stays_clean_but_for_the_results(clone, first_output):
    changed = {line[3:] for line in clone.run("git", "status", "--porcelain").splitlines()}
    assert all(name.endswith("dvc.lock") or name.startswith("reports/") for name in changed), changed


def status(clone) -> dict[str, str]:
    """Return what `dvc status` says has changed, by stage."""
    answer = json.loads(clone.run("dvc", "status", "--json"))
    return {stage: json.dumps(changes) for stage, changes in answer.items()}


@contextmanager
def edited(clone, *edits):
    """For as long as the block lasts, files with `new` in the place of `old`: each edit is (path, old, new).

    An edit of a path alone adds a comment to the file.
    """
    before = {clone.folder / path: (clone.folder / path).read_text() for path, *_ in edits}
    for path, *words in edits:
        file = clone.folder / path
        text = file.read_text()
        old, new = words or (text, f"{text}\n# edited\n")
        assert old in text
        file.write_text(text.replace(old, new))
    yield
    for file, text in before.items():
        file.write_text(text)


def test_a_changed_option_of_a_loss_is_named(clone, first_output):
    with edited(clone, ("params.yaml", "smooth: 1.0", "smooth: 2.0")):
        changed = status(clone)
        assert "loss_options.dice.smooth" in clone.run("dvc", "params", "diff")
    assert "loss_options.dice" in changed["train@mask-dice"]
    assert not any("bce" in stage for stage in changed) and "sample" not in changed


def test_changed_parameters_of_the_recipe_and_an_edited_metric_are_named(clone, first_output):
    with edited(
        clone,
        ("params.yaml", "lr: 0.01", "lr: 0.02"),
        ("params.yaml", "lr: []", "lr: [0.1]"),
        ("params.yaml", "flip: 0.5", "flip: 0.25"),
        ("src/loss_study/metrics/iou.py",),
    ):
        changed = status(clone)
    for name in ("recipe.augmentation", "recipe.optimizer.lr", "recipe.search"):
        assert name in changed["train@mask-dice"]
    assert "src/loss_study/metrics" in changed["evaluate@mask"] and "params.yaml" not in changed["evaluate@mask"]


def test_a_parents_epochs_are_named_and_those_of_its_trials_too(clone, first_output):
    with edited(clone, ("params.yaml", "epochs: 0\n    seed", "epochs: 3\n    seed")):
        changed = status(clone)
    assert set(changed) == {"check", "parent@mask", "compare"} and "recipe.parent" in changed["parent@mask"]
    with edited(clone, ("params.yaml", "batchnorm: running", "batchnorm: recomputed")):
        changed = status(clone)
    assert {"parent@mask", "train@mask-dice"} <= set(changed)


def test_other_seeds_or_margins_search_nothing_again(clone, first_output):
    seeds = ("params.yaml", "seeds:\n- 0\n- 1\n", "seeds:\n- 0\n- 5\n")
    with edited(clone, seeds, ("params.yaml", "mask: 0.02", "mask: 0.03")):
        changed = status(clone)
    assert set(changed) == {"check", later("decide@2"), "compare"}
    assert "seeds" in changed[later("decide@2")] and "compare" in changed[later("decide@2")]


def test_editing_what_measures_reruns_no_training(clone, first_output):
    with edited(clone, ("src/loss_study/evaluation/evaluate.py",), ("src/loss_study/statistics/pairwise.py",)):
        changed = status(clone)
    assert set(changed) == {"evaluate@mask", later("decide@2"), "compare"}
    assert "statistics" not in changed["evaluate@mask"] and "evaluation" not in changed[later("decide@2")]


# What follows leaves the clone with other results than it found.


@pytest.fixture(scope="module")
def after_an_edit(clone, first_output):
    """The stages that an edit of Dice names in `dvc status`, and what `dvc repro` then says; mlflow.db was deleted."""
    (clone.folder / "mlflow.db").unlink()
    with edited(clone, ("src/loss_study/losses/dice.py",)):
        named = {stage for stage, what in status(clone).items() if "src/loss_study/losses/dice.py" in what}
        return named, clone.run("dvc", "repro")


def test_an_edited_loss_is_named_and_its_trials_alone_run_again(clone, after_an_edit):
    named, output = after_an_edit
    assert named == {"train@mask-dice"}
    assert clone.ran(output) == ["train@mask-dice", *AFTER_DICE]


def test_a_deleted_mlflow_database_comes_back_with_every_trial_once(clone, after_an_edit):
    code = """
import sys
sys.modules["pytorch_lightning"] = None  # MLflow would import it, which takes ten seconds.
import mlflow, numpy
runs = mlflow.search_runs(search_all_experiments=True)
runs = runs[runs["tags.mlflow.runName"].str.match("(mask|depth)-")]
print(*sorted(runs["tags.mlflow.runName"]))
print(runs["metrics.test/iou"].notna().sum())
run = runs[runs["tags.mlflow.runName"] == "mask-bce-1"].iloc[0]
print(run["params.loss"], run["params.head"], run["tags.dvc.stage"])
model = mlflow.pyfunc.load_model(f"runs:/{run.run_id}/model")
print(numpy.asarray(model.predict(numpy.zeros((1, 6, 32, 32), "float32"))).shape)
"""
    lines = clone.run("python", "-W", "ignore", "-c", code).splitlines()
    names = "mask-bce-0 mask-bce-1 mask-dice-0 mask-dice-1"
    assert lines[-4:] == [names, "4", f"bce mask {later('train@2-mask-bce')}", "(1, 1, 32, 32)"]


def test_a_changed_decision_reruns_only_the_trials_that_it_changes(clone, after_an_edit):
    decide = clone.folder / "stages/decide.py"
    decide.write_text(decide.read_text().replace('["bce", "dice"]', '["dice"]'))
    output = clone.run("dvc", "repro", later("evaluate@2-mask"))
    assert clone.ran(output) == [later("decide@2"), later("train@2-mask-bce"), later("evaluate@2-mask")]
    assert list((clone.folder / "runs/2/mask/bce").iterdir()) == []
    assert set(scores(clone, "bce")) == {("1", "0")}


@pytest.mark.long
def test_a_trial_is_trained_with_what_the_search_found_and_a_term_reruns_its_combination(clone, after_an_edit):
    choices = [*SMOKE, "loss=dice_bce", "loss.names=[dice]", "recipe=tuned", "recipe.search.epochs=1"]
    choices += ["recipe.search.seed=2000", "recipe.search.lr=[0.01,0.03]"]
    composition.compose(clone.folder / "params.yaml", choices)
    clone.run("dvc", "repro", "train", "train_combination")
    record = json.loads((clone.folder / "runs/1/mask/dice/0/trial.json").read_text())
    assert record["lr"] == json.loads((clone.folder / "tuning/mask/dice/choice.json").read_text())["lr"]
    with edited(clone, ("src/loss_study/losses/bce.py",)):
        changed = {stage for stage in status(clone) if stage.startswith("train")}
    assert changed == {"train_combination@mask-dice_bce"}
