"""The study run for real in a clone, at the smallest scale: by `make study`, then by DVC after edits.

On depth, L1 and Huber learn in three epochs of this scale on every processor; nothing is decided between losses that
collapse. tests/pipeline/test_experiments.py runs the other head.
"""

import csv
import json
import shutil
import subprocess
from contextlib import contextmanager

import pytest

from loss_study.config import composition
from support.clone import WITHOUT_MLFLOW, Clone

pytestmark = pytest.mark.pipeline

#: One seed shows nothing certain, so both losses train in the second round; with two seeds they differ by less than so
#: wide a margin, so none trains in the third.
RACE = ["seeds=[0,1,2]", "race.rounds=[1,2,3]", "compare.margin.depth=1e6"]
SMALL = ["scale=smoke", "loss.names=[l1,huber]", "loss.heads=[depth]", "recipe.epochs=3"]
STUDY = (*WITHOUT_MLFLOW, "loss-study", "run", "--jobs", "2")
#: Takes the place of stages/decide.py.
ONLY_HUBER = """import sys

from loss_study import decisions
from loss_study.config import load_config

decisions.write(load_config(), int(sys.argv[1]), {"depth": ["huber"]})
"""


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    made = Clone(tmp_path_factory.mktemp("pipeline") / "clone")
    composition.compose(made.folder / "params.yaml", [*SMALL, *RACE])
    made.commit("two losses, smallest scale")
    return made


def trials(clone):
    return [(row["loss"], row["seed"], row["status"]) for row in clone.rows("compare.csv")]


def later(stage):
    return f"rounds/dvc.yaml:{stage}"


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


@pytest.fixture(scope="module")
def first_round(clone):
    return clone.run(*STUDY, "--minutes", "0.001")


def test_the_clock_stops_it_between_two_rounds(clone, first_round):
    assert "0.001 minutes are over: no round 2; the same command goes on" in first_round
    assert trials(clone) == [("l1", "0", "finished"), ("huber", "0", "finished")]


@pytest.fixture(scope="module")
def decided(clone, first_round):
    return clone.run(*STUDY)


def test_progress_is_visible(first_round, decided):
    assert "[1 of 2 of round 1] depth-l1-0  epoch 1/3  loss " in first_round
    assert "[2 of 2 of round 2] depth-huber-1  epoch 1/3  loss " in decided
    assert " images/s" in first_round


def test_it_goes_on_to_the_decision(clone, decided):
    assert "depth-huber-1  epoch 1/3" in decided and "depth-huber-0  epoch" not in decided
    assert trials(clone) == [(loss, seed, "finished") for loss in ("l1", "huber") for seed in ("0", "1")]
    assert [row["round"] for row in clone.rows("rounds.csv")] == ["1", "2"]
    assert clone.metrics()["depth"]["decided"] is True


def test_what_it_says_to_type_keeps_the_study_in_git(clone, decided):
    begin = "to keep this study in git: "
    (line,) = (line for line in decided.splitlines() if line.startswith(begin))
    add, commit = line.removeprefix(begin).split(" && ")
    subprocess.run(add, shell=True, cwd=clone.folder, check=True)
    staged = set(clone.run("git", "diff", "--cached", "--name-only").split())
    assert {"dvc.lock", "rounds/dvc.lock", "reports/metrics.json", "reports/answer.csv"} <= staged
    assert commit == "git commit"


def test_reports_agree_with_each_other(clone, decided):
    evaluated = (clone.folder / "eval").glob("*/depth/huber/*/per_image.csv")
    assert {(path.parts[-5], path.parts[-2]) for path in evaluated} == {("1", "0"), ("2", "1")}
    rows_of_all, summary = clone.rows("compare.csv"), clone.metrics()
    assert {row["head"] for row in rows_of_all} == {"depth"} and not any(row["verdict"] for row in rows_of_all)
    for loss in ("l1", "huber"):
        values = [float(row["rmse_coded"]) for row in rows_of_all if row["loss"] == loss]
        assert summary["depth"][loss]["rmse_coded"] == pytest.approx(sum(values) / 2)
    assert summary["trials"]["planned"] == len(rows_of_all) and summary["trials"]["missing"] == 0
    assert {row["epoch"] for row in clone.rows("curves.csv")} == {"1", "2", "3"}
    assert list((clone.folder / "reports" / "panels").glob("*.png"))


@pytest.fixture(scope="module")
def in_dvc(clone, decided):
    """What `dvc repro` says after `make study`; all that follows starts from a pipeline that is up to date."""
    before = {name: clone.rows(name) for name in ("compare.csv", "answer.csv", "rounds.csv")}
    output = clone.run("dvc", "repro")
    assert {name: clone.rows(name) for name in before} == before
    return output


def test_what_is_left_for_dvc_are_stages_without_work(clone, in_dvc):
    stages = [stage.removeprefix("rounds/dvc.yaml:") for stage in clone.ran(in_dvc)]
    # They leave empty folders, which DVC does not count as a change of what `compare` depends on.
    assert sorted(stages) == ["evaluate@3-depth", "train@3-depth-huber", "train@3-depth-l1"]
    assert not list(clone.folder.glob("runs/3/*/*/*")) and not list(clone.folder.glob("eval/3/*/*"))


def test_nothing_to_do(clone, in_dvc):
    assert "up to date" in clone.run("dvc", "repro")


def test_git_stays_clean_but_for_the_results(clone, in_dvc):
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


def test_a_changed_option_of_a_loss_is_named(clone, in_dvc):
    with edited(clone, ("params.yaml", "delta: 0.1", "delta: 0.2")):
        changed = status(clone)
        assert "loss_options.huber.delta" in clone.run("dvc", "params", "diff")
    assert "loss_options.huber" in changed["train@depth-huber"]
    assert not any("l1" in stage for stage in changed) and "sample" not in changed


def test_changed_parameters_of_the_recipe_and_an_edited_metric_are_named(clone, in_dvc):
    with edited(
        clone,
        ("params.yaml", "lr: 0.01", "lr: 0.02"),
        ("params.yaml", "lr: []", "lr: [0.1]"),
        ("params.yaml", "flip: 0.5", "flip: 0.25"),
        ("src/loss_study/metrics/rmse.py",),
    ):
        changed = status(clone)
    for name in ("recipe.augmentation", "recipe.optimizer.lr", "recipe.search"):
        assert name in changed["train@depth-huber"]
    assert "src/loss_study/metrics" in changed["evaluate@depth"] and "params.yaml" not in changed["evaluate@depth"]


def test_a_parents_epochs_are_named_and_those_of_its_trials_too(clone, in_dvc):
    with edited(clone, ("params.yaml", "epochs: 0\n    seed", "epochs: 3\n    seed")):
        changed = status(clone)
    assert set(changed) == {"check", "parent@depth", "compare"} and "recipe.parent" in changed["parent@depth"]
    with edited(clone, ("params.yaml", "batchnorm: running", "batchnorm: recomputed")):
        changed = status(clone)
    assert {"parent@depth", "train@depth-huber"} <= set(changed)


def test_other_seeds_or_margins_search_nothing_again(clone, in_dvc):
    seeds = ("params.yaml", "seeds:\n- 0\n- 1\n", "seeds:\n- 0\n- 5\n")
    with edited(clone, seeds, ("params.yaml", "mask: 0.02", "mask: 0.03")):
        changed = status(clone)
    assert set(changed) == {"check", later("decide@2"), later("decide@3"), "compare"}
    assert "seeds" in changed[later("decide@2")] and "compare" in changed[later("decide@2")]


def test_editing_what_measures_reruns_no_training(clone, in_dvc):
    with edited(clone, ("src/loss_study/evaluation/evaluate.py",), ("src/loss_study/statistics/pairwise.py",)):
        changed = status(clone)
    assert set(changed) == {"evaluate@depth", later("decide@2"), later("decide@3"), "compare"}
    assert "statistics" not in changed["evaluate@depth"] and "evaluation" not in changed[later("decide@2")]


# What follows leaves the clone with other results than it found.


@pytest.fixture(scope="module")
def after_an_edit(clone, in_dvc, empty_store):
    """The stages that an edit of Huber names in `dvc status`, and what `dvc repro` then says; MLflow has no run yet."""
    shutil.copy(empty_store, clone.folder / "mlflow.db")
    with edited(clone, ("src/loss_study/losses/huber.py",)):
        named = {stage for stage, what in status(clone).items() if "src/loss_study/losses/huber.py" in what}
        return named, clone.run("dvc", "repro")


def test_an_edited_loss_is_named_and_its_trials_alone_run_again(clone, after_an_edit):
    named, output = after_an_edit
    assert named == {"train@depth-huber"}
    rounds = ["decide@2", "train@2-depth-huber", "evaluate@2-depth", "decide@3", "train@3-depth-huber"]
    rounds += ["evaluate@3-depth"]
    assert clone.ran(output) == ["train@depth-huber", "evaluate@depth", *map(later, rounds), "compare"]


def test_mlflow_gets_every_trial_once_also_those_that_were_trained_before(clone, after_an_edit):
    code = """
import sys
sys.modules["pytorch_lightning"] = None  # MLflow would import it, which takes ten seconds.
import mlflow, numpy
runs = mlflow.search_runs(search_all_experiments=True)
runs = runs[runs["tags.mlflow.runName"].str.match("(mask|depth)-")]
print(*sorted(runs["tags.mlflow.runName"]))
print(runs["metrics.test/rmse_coded"].notna().sum())
run = runs[runs["tags.mlflow.runName"] == "depth-l1-1"].iloc[0]
print(run["params.loss"], run["params.head"], run["tags.dvc.stage"])
model = mlflow.pyfunc.load_model(f"runs:/{run.run_id}/model")
print(numpy.asarray(model.predict(numpy.zeros((1, 6, 32, 32), "float32"))).shape)
"""
    lines = clone.run("python", "-W", "ignore", "-c", code).splitlines()
    names = "depth-huber-0 depth-huber-1 depth-l1-0 depth-l1-1"
    assert lines[-4:] == [names, "4", f"l1 depth {later('train@2-depth-l1')}", "(1, 1, 32, 32)"]


def test_a_changed_decision_reruns_only_the_trials_that_it_changes(clone, after_an_edit):
    (clone.folder / "stages/decide.py").write_text(ONLY_HUBER)
    output = clone.run("dvc", "repro", later("evaluate@2-depth"))
    assert clone.ran(output) == [later("decide@2"), later("train@2-depth-l1"), later("evaluate@2-depth")]
    assert list((clone.folder / "runs/2/depth/l1").iterdir()) == []
    assert not (clone.folder / "eval/2/depth/l1").exists() and (clone.folder / "eval/1/depth/l1/0").exists()


def test_a_stage_can_be_typed(clone, after_an_edit):
    """The command of a training does its work without DVC, and gives the numbers that it gave beside another one."""
    history = clone.folder / "runs/2/depth/huber/1/history.csv"

    def losses():
        return [(row["train_loss"], row["validation"]) for row in csv.DictReader(history.read_text().splitlines())]

    before = losses()
    clone.run("python", "stages/train.py", "depth", "huber", "--round", "2")
    assert losses() == before


@pytest.mark.long
def test_a_trial_is_trained_with_what_the_search_found_and_a_term_reruns_its_combination(clone, after_an_edit):
    choices = [*SMALL, "loss=dice_bce", "loss.names=[dice]", "loss.heads=[mask]", "recipe=tuned"]
    choices += ["recipe.search.epochs=1", "recipe.search.seed=2000", "recipe.search.lr=[0.01,0.03]", "seeds=[0]"]
    composition.compose(clone.folder / "params.yaml", choices)
    clone.run("dvc", "repro", "train", "train_combination")
    record = json.loads((clone.folder / "runs/1/mask/dice/0/trial.json").read_text())
    assert record["lr"] == json.loads((clone.folder / "tuning/mask/dice/choice.json").read_text())["lr"]
    with edited(clone, ("src/loss_study/losses/bce.py",)):
        changed = {stage for stage in status(clone) if stage.startswith("train")}
    assert changed == {"train_combination@mask-dice_bce"}
