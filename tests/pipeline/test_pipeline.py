"""The study run by DVC for real, in a clone, at the smallest scale."""

import csv
import json

import pytest

from loss_study import composition
from support.clone import Clone

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A clone whose params.yaml names two losses at the smoke scale."""
    made = Clone(tmp_path_factory.mktemp("pipeline") / "clone")
    composition.compose(made.folder / "params.yaml", ["scale=smoke", "loss.names=[bce,dice]"])
    made.commit("two losses, smallest scale")
    return made


@pytest.fixture(scope="module")
def first_output(clone):
    return clone.run("dvc", "repro")


@pytest.fixture(scope="module")
def first_rows(clone, first_output):
    """compare.csv before other tests change the clone."""
    return clone.rows("compare.csv")


def test_repro_runs_every_stage_once(clone, first_output):
    trials = [f"{head}-{loss}-0" for head in ("mask", "depth") for loss in ("bce", "dice")]
    stages = clone.ran(first_output)
    assert stages[:3] == ["check", "download", "sample"] and stages[-1] == "compare"
    of_trials = [f"{stage}@{trial}" for stage in ("train", "evaluate") for trial in trials]
    assert sorted(stages[3:-1]) == sorted(of_trials)


def test_progress_is_visible(first_output):
    assert "[2 of 4] mask-dice-0  epoch 1/4  loss " in first_output
    assert " images/s" in first_output


def test_reports_agree_with_each_other(clone, first_rows):
    rows = first_rows
    assert [(row["head"], row["loss"], row["seed"]) for row in rows] == [
        ("mask", "bce", "0"), ("mask", "dice", "0"), ("depth", "bce", "0"), ("depth", "dice", "0"),
    ]  # fmt: skip
    best = max((row for row in rows if row["head"] == "mask"), key=lambda row: float(row["iou"]))
    headline = clone.metrics()
    assert headline["mask"]["best_loss"] == best["loss"]
    assert headline["mask"]["iou"] == pytest.approx(float(best["iou"]))
    closest = min((row for row in rows if row["head"] == "depth"), key=lambda row: float(row["rmse"]))
    assert headline["depth"]["best_loss"] == closest["loss"]
    assert headline["depth"]["abs_rel"] == pytest.approx(float(closest["abs_rel"]))
    assert {row["epoch"] for row in clone.rows("curves.csv")} == {"1", "2", "3", "4"}
    page = (clone.folder / "reports" / "index.html").read_text()
    assert f"{headline['mask']['iou']:.3f}" in page
    assert list((clone.folder / "reports" / "panels").glob("*.png"))


def test_mlflow_has_every_trial_once(clone, first_output):
    code = """
import mlflow
runs = mlflow.search_runs(search_all_experiments=True)
runs = runs[runs["tags.mlflow.runName"].str.contains("-0")]
print(*sorted(runs["tags.mlflow.runName"]))
print(runs["metrics.test/iou"].notna().sum(), runs["metrics.test/rmse"].notna().sum())
run = runs[runs["tags.mlflow.runName"] == "mask-dice-0"].iloc[0]
print(run["params.loss"], run["params.head"], run["tags.dvc.stage"])
import torch, mlflow.pytorch
model = mlflow.pytorch.load_model(f"runs:/{run.run_id}/model")
print(tuple(model(torch.zeros(1, 6, 32, 32))["mask"].shape))
"""
    lines = clone.run("python", "-W", "ignore", "-c", code).splitlines()
    assert lines[-4:] == [
        "depth-bce-0 depth-dice-0 mask-bce-0 mask-dice-0",
        "2 2",
        "dice mask train@mask-dice-0",
        "(1, 1, 32, 32)",
    ]


def test_nothing_to_do(clone, first_output):
    assert clone.ran(clone.run("dvc", "repro")) == []


def test_a_deleted_mlflow_database_comes_back_once(clone, first_output):
    (clone.folder / "mlflow.db").unlink()
    clone.run("dvc", "repro", "--single-item", "--force", "compare")
    test_mlflow_has_every_trial_once(clone, first_output)


def test_git_stays_clean_but_for_the_results(clone, first_output):
    changed = {line[3:] for line in clone.run("git", "status", "--porcelain").splitlines()}
    assert all(name == "dvc.lock" or name.startswith("reports/") for name in changed), changed


def test_editing_one_loss_reruns_its_trials_only(clone, first_output):
    path = clone.folder / "src/loss_study/losses/dice.py"
    path.write_text(path.read_text() + "\n# edited\n")
    stages = clone.ran(clone.run("dvc", "repro"))
    assert {stage for stage in stages if stage.startswith("train")} == {"train@mask-dice-0", "train@depth-dice-0"}
    assert not {"download", "sample"} & set(stages) and stages[-1] == "compare"


def test_changing_one_losss_options_reruns_its_trials_only(clone, first_output):
    params = clone.folder / "params.yaml"
    assert "smooth: 1.0" in params.read_text()
    params.write_text(params.read_text().replace("smooth: 1.0", "smooth: 2.0"))
    stages = clone.ran(clone.run("dvc", "repro"))
    assert {stage for stage in stages if stage.startswith("train")} == {"train@mask-dice-0", "train@depth-dice-0"}
    assert "sample" not in stages


def test_editing_a_term_reruns_its_combinations(clone, first_output):
    names = ["loss=dice_bce", "loss.names=[bce,dice,dice_bce]", "loss.heads=[mask]", "recipe=tuned"]
    names += ["recipe.search.lr=[0.01,0.03]", "recipe.search.epochs=1"]
    composition.compose(clone.folder / "params.yaml", ["scale=smoke", *names])
    clone.run("dvc", "repro", "tune")
    path = clone.folder / "src/loss_study/losses/bce.py"
    path.write_text(path.read_text() + "\n# edited\n")
    ran = clone.ran(clone.run("dvc", "repro", "tune"))
    assert sorted(ran) == ["check", "tune@mask-bce", "tune@mask-dice_bce"]


def test_editing_what_measures_reruns_no_training(clone, first_output):
    composition.compose(clone.folder / "params.yaml", ["scale=smoke", "loss.names=[dice]", "loss.heads=[mask]"])
    clone.run("dvc", "repro")
    path = clone.folder / "src/loss_study/anatomy/response.py"
    path.write_text(path.read_text() + "\n# edited\n")
    assert clone.ran(clone.run("dvc", "repro")) == ["check", "evaluate@mask-dice-0", "compare"]


def test_with_a_search_a_trial_is_trained_with_what_it_found_and_again_when_that_changes(clone, first_output):
    choices = ["scale=smoke", "loss.names=[dice]", "loss.heads=[mask]", "recipe=tuned", "recipe.search.seed=2000"]
    composition.compose(clone.folder / "params.yaml", [*choices, "recipe.search.lr=[0.01,0.03]"])
    stages = ["check", "tune@mask-dice", "train@mask-dice-0", "evaluate@mask-dice-0", "compare"]
    assert clone.ran(clone.run("dvc", "repro")) == stages
    record = json.loads((clone.folder / "runs" / "mask-dice-0" / "trial.json").read_text())
    assert record["lr"] == json.loads((clone.folder / "tuning" / "mask-dice" / "choice.json").read_text())["lr"]
    assert clone.ran(clone.run("dvc", "repro")) == []
    composition.compose(clone.folder / "params.yaml", [*choices, "recipe.search.lr=[0.001,0.003]"])
    assert clone.ran(clone.run("dvc", "repro")) == stages


def test_another_recipe_trains_again(clone, first_output):
    composition.compose(clone.folder / "params.yaml", ["scale=smoke", "loss.names=[dice]", "loss.heads=[mask]"])
    clone.run("dvc", "repro")
    clone.run("sed", "-i", "s/flip: 0.5/flip: 0.25/", "params.yaml")
    assert clone.ran(clone.run("dvc", "repro")) == ["check", "train@mask-dice-0", "evaluate@mask-dice-0", "compare"]


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    """A fresh clone in which one loss is tried, as its first command."""
    made = Clone(tmp_path_factory.mktemp("experiment") / "clone")
    return made, made.run("dvc", "exp", "run", "--name", "try-dice", "-S", "loss=dice", "-S", "scale=smoke")


def test_one_loss_in_a_fresh_clone_runs_that_loss_only(experiment):
    clone, output = experiment
    assert {stage for stage in clone.ran(output) if "@" in stage} == {
        "train@mask-dice-0", "evaluate@mask-dice-0", "train@depth-dice-0", "evaluate@depth-dice-0",
    }  # fmt: skip
    assert clone.metrics()["mask"]["best_loss"] == "dice"


def test_experiments_line_up(experiment):
    clone, _ = experiment
    clone.identify()
    clone.run("dvc", "exp", "run", "--name", "try-bce", "-S", "loss=bce", "-S", "scale=smoke")
    table = list(csv.DictReader(clone.run("dvc", "exp", "show", "--csv").splitlines()))
    named = {row["Experiment"]: row for row in table if row["Experiment"]}
    assert named["try-dice"]["mask.best_loss"] == "dice" and named["try-bce"]["mask.best_loss"] == "bce"
    assert all(float(row["mask.iou"]) >= 0 and float(row["depth.abs_rel"]) > 0 for row in named.values())
    difference = json.loads(clone.run("dvc", "metrics", "diff", "--json", "try-dice", "try-bce"))
    changes = next(iter(difference.values()))
    assert changes["mask.best_loss"] == {"old": "dice", "new": "bce"}
    plots = clone.run("dvc", "plots", "diff", "--json", "try-dice", "try-bce")
    assert "curves.csv" in plots


def test_a_temporary_experiment_leaves_the_workspace_alone(experiment):
    clone, _ = experiment
    clone.identify()
    before = (clone.folder / "params.yaml").read_text()
    output = clone.run("dvc", "exp", "run", "--temp", "--name", "aside", "-S", "loss=l1", "-S", "scale=smoke")
    assert "aside" in output
    assert (clone.folder / "params.yaml").read_text() == before
    code = "import mlflow; print(*mlflow.search_runs(search_all_experiments=True)['params.loss'].dropna())"
    assert "l1" in clone.run("python", "-W", "ignore", "-c", code).split()


def test_mistakes_end_in_one_line_before_any_work(tmp_path):
    clone = Clone(tmp_path / "clone")
    clone.identify()
    for override, message in [
        ("loss.names=[dcie]", "error: loss_options.dcie: missing"),
        ("dataset.name=scene", "error: unknown data set 'scene': did you mean 'scenes'?"),
        ("recipe.epochs=0", "error: recipe.epochs: "),
    ]:
        output = clone.run("dvc", "exp", "run", "-S", override, code=255)
        assert message in output and "Traceback" not in output
        assert clone.ran(output) == ["check"]
    assert not (clone.folder / "data" / "source").exists()
    assert "error: loss/dcie" not in clone.run("dvc", "exp", "run", "-S", "loss=dcie", code=255)


def test_several_at_once_give_the_same_numbers_and_a_failed_trial_stops_no_other(tmp_path, first_rows):
    clone = Clone(tmp_path / "clone")
    composition.compose(clone.folder / "params.yaml", ["scale=smoke", "loss.names=[l1,bce,dice]", "loss.heads=[mask]"])
    broken = clone.folder / "src/loss_study/losses/l1.py"
    wrong = "\n\nimport functools\n\n\n@functools.wraps(loss)\ndef loss(*_, **__):\n    return 1 / 0\n"
    broken.write_text(broken.read_text() + wrong)
    output = clone.run("python", "-m", "loss_study.parallel", "--jobs", "2", code=1)
    assert "ZeroDivisionError" in output
    assert "error: failed: mask-l1-0; 'dvc repro' tries again" in output
    rows = {row["loss"]: row for row in clone.rows("compare.csv")}
    assert rows["l1"]["status"] == "missing"
    alone = {row["loss"]: row for row in first_rows if row["head"] == "mask"}
    for loss in ("bce", "dice"):
        assert rows[loss] | {"seconds": ""} == {name: alone[loss][name] for name in rows[loss]} | {"seconds": ""}
