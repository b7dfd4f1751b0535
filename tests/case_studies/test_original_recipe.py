"""The original study's recipe, and the experiment of case_studies/original: its design and its command."""

import csv
import importlib
from pathlib import Path

import pytest
import yaml

from loss_study.checks.check import check_choices
from loss_study.config import composition, load_config
from loss_study.runtime.errors import StudyError
from support.clone import Clone

ROOT = Path(__file__).parents[2]
CASES = ROOT / "case_studies"


@pytest.fixture
def modules(monkeypatch):
    """Import a module of the case study, in the folder that its commands are typed in."""
    monkeypatch.syspath_prepend(CASES / "original")
    monkeypatch.chdir(CASES)
    return importlib.import_module


@pytest.fixture
def plan(modules):
    return modules("plan").load()


def flat(values, prefix=""):
    for key, value in values.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def composed(tmp_path, *overrides):
    composition.compose(tmp_path / "params.yaml", overrides)
    return load_config(tmp_path / "params.yaml")


# --- conf/recipe/original.yaml ---


def test_the_recipe_is_the_original_one(tmp_path, monkeypatch):
    """The facts of the original study: SGD 0.5 with momentum 0.9, 20 epochs of 128, 5 of them to warm up, 70 %."""
    monkeypatch.chdir(ROOT)
    study = composed(tmp_path, "recipe=original", "scale=original")
    check_choices(study)
    recipe, sample = study.recipe, study.sample
    assert (recipe.name, recipe.epochs, recipe.batch_size, recipe.search.lr) == ("original", 20, 128, [])
    assert (recipe.optimizer.name, recipe.optimizer.lr) == ("sgd", 0.5)
    assert recipe.optimizer.options == {"momentum": 0.9, "weight_decay": 0.0}
    assert recipe.schedule.options == {"warmup": 5 / 20, "start_divisor": 25.0, "end_divisor": 25_000.0}
    assert (sample.images, sample.size, sample.split, sample.wrong_background) == (20_000, 112, "order", True)
    assert sample.validation + sample.test == pytest.approx(0.3)
    assert recipe.keep == "last" and study.loss_options["l1"] == {"sigmoid": False}
    assert study.loss_options["dice"] == {"smooth": 0.0}
    augmentation = recipe.augmentation
    assert augmentation.flip_apart and augmentation.test and augmentation.erase > 0


def test_every_switch_is_off_by_default(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    study = composed(tmp_path)
    assert (study.sample.split, study.sample.wrong_background, study.recipe.keep) == ("disjoint", False, "best")
    augmentation = study.recipe.augmentation
    assert (augmentation.flip_apart, augmentation.erase, augmentation.test) == (False, 0.0, False)
    assert study.loss_options["l1"] == {"sigmoid": True}


# --- the design ---


def test_every_set_of_mistakes_is_a_recipe_and_its_ends_come_first(plan):
    """Counted by hand: six mistakes, and seven where L1 can lack its sigmoid."""
    sizes = {one.name: (len(one.recipes), len(set(one.recipes)), len(one.ends)) for one in plan.experiments}
    assert sizes == {
        "mask-bce": (64, 64, 14),
        "mask-dice": (64, 64, 14),
        "mask-l1": (128, 128, 16),
        "depth-l1": (128, 128, 16),
        "depth-dice": (32, 32, 12),
        "joint-l1": (16, 16, 16),
    }
    trainings = plan.trainings()
    assert len(trainings) == len(set(trainings)) == 2 * (2 * 64 + 2 * 128 + 32) + 2 * (2 * 14 + 2 * 16 + 12) + 4 * 16
    first = trainings[: 14 * 4]
    assert {one.experiment.name for one in first} == {"mask-bce"} and {one.seed for one in first} == {0, 1, 2, 3}


def test_with_every_mistake_fixed_it_is_the_fixed_recipe(plan, tmp_path):
    overrides = ["recipe=fixed", *(line for line in plan.study if not line.startswith("recipe="))]
    fixed, own = (
        dict(flat(study.model_dump(exclude={"dataset"})))
        for study in (plan.parameters(plan.experiments[2], frozenset()), composed(tmp_path, *overrides))
    )
    left = {key for key in fixed.keys() | own.keys() if fixed.get(key) != own.get(key)}
    # Every network is measured on both test splits, and Dice is the original's in all recipes.
    assert left == {"recipe.name", "recipe.augmentation.test", "loss_options.dice.smooth"}


def test_with_every_mistake_it_is_the_original_recipe(plan, tmp_path):
    experiment = plan.experiment("mask-l1")
    made = plan.parameters(experiment, frozenset(plan.mistakes))
    assert made.model_dump(exclude={"dataset"}) == composed(tmp_path, *plan.study).model_dump(exclude={"dataset"})
    depth = plan.parameters(plan.experiment("depth-dice"), frozenset(plan.mistakes)).recipe.optimizer
    assert (depth.name, depth.lr, depth.options["momentum"]) == ("sgd", 0.1, 0.0)


def test_optimiser_and_learning_rate_are_two_mistakes(plan):
    experiment = plan.experiment("mask-bce")
    rates = {}
    for made in ((), ("optimiser",), ("learning_rate",), ("optimiser", "learning_rate")):
        found = plan.parameters(experiment, frozenset(made)).recipe.optimizer
        rates[made] = (found.name, found.lr)
    assert list(rates.values()) == [("adamw", 0.01), ("sgd", 0.1), ("adamw", 0.5), ("sgd", 0.5)]


def test_a_mistake_changes_what_it_says_and_nothing_else(plan):
    experiment = plan.experiment("mask-l1")
    without = dict(flat(plan.parameters(experiment, frozenset()).model_dump()))
    for name, mistake in plan.mistakes.items():
        having = dict(flat(plan.parameters(experiment, frozenset({name})).model_dump()))
        differing = {key for key in without.keys() | having.keys() if without.get(key) != having.get(key)}
        fixed = {line.lstrip("~").partition("=")[0] for line in mistake.fix}
        # SGD has the rate that suits it.
        allowed = {"recipe.optimizer.lr"} if name == "optimiser" else set()
        assert differing <= fixed | allowed and differing, name


def test_every_training_has_its_sample_which_is_packed_once(plan, modules):
    folder = modules("plan").sample_folder
    packed = [folder(config.sample) for config in plan.samples()]
    assert sorted(path.name for path in packed) == [
        "disjoint-right-12800",
        "disjoint-right-800",
        "disjoint-wrong-800",
        "order-right-800",
        "order-wrong-800",
    ]
    answers = modules("answers")
    asked = [answers.parameters(plan, one) for one in answers.missing(plan, []) if one[4] == 0]
    assert len(asked) == (5 * 2 + 1) * 5 and {folder(config.sample) for config in asked} == {packed[0], packed[-1]}
    assert {(config.sample.images, config.recipe.epochs) for config in asked} == {
        (800, 4),
        (800, 16),
        (800, 64),
        (12800, 4),
        (12800, 16),
    }


def test_unknown_names_are_named(plan, modules, tmp_path):
    with pytest.raises(StudyError, match="unknown experiment 'mask-bc': did you mean 'mask-bce'"):
        plan.experiment("mask-bc")
    values = yaml.safe_load((CASES / "original" / "params.yaml").read_text())
    values["mistakes"]["learning_rate"]["beside"] = {"optimizer": []}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(StudyError, match=r"learning_rate\.beside: unknown name 'optimizer': did you mean 'optimiser'"):
        modules("plan").load(tmp_path / "params.yaml")


def test_a_training_is_missing_until_its_row_is_there_and_again_when_its_recipe_changes(plan, modules):
    from dataclasses import replace

    train = modules("train")
    every = plan.trainings()
    rows = [train.identity(plan, one) for one in every[:3]]
    assert train.missing(plan, rows) == every[3:]
    longer = replace(plan, study=[*plan.study, "recipe.epochs=8"])
    assert train.missing(longer, rows) == every and train.current(longer, rows) == []
    elsewhere = replace(plan, dataset="composites", path="/elsewhere")
    assert train.current(elsewhere, rows) == rows


def test_a_network_with_both_heads_is_measured_on_both(modules, plan, sample, monkeypatch, tmp_path):
    train, experiment = modules("train"), plan.experiment("joint-l1")
    trial = modules("plan").Training(experiment, frozenset(), 0).trial
    config = plan.parameters(experiment, frozenset(), "recipe.epochs=1")
    monkeypatch.setattr(modules("plan"), "sample_folder", lambda _: sample.folder)
    monkeypatch.chdir(tmp_path)
    row = train.train_and_measure(trial, sample, config, "joint", modules("measure").Tests.measure)
    assert 0 <= row["iou"] <= 1 and row["rmse"] > 0 and row["status"] == "finished"
    assert {"collapse", "collapse_best", "collapse_depth"} <= row.keys() <= {*train.OUTCOME}


# --- the command ---


@pytest.mark.pipeline
@pytest.mark.long
def test_one_command_ends_in_the_page_and_the_study_does_not_run_it(tmp_path):
    clone = Clone(tmp_path / "clone")
    path = clone.folder / "case_studies/original/params.yaml"
    values = yaml.safe_load(path.read_text())
    values["mistakes"] = {name: values["mistakes"][name] for name in ("wrong_background", "order")}
    values |= {
        "study": ["recipe=original", "scale=smoke", "recipe=original", "recipe.epochs=1"],
        "experiments": ["mask-dice"],
        "of_experiment": {},
        "seeds_of_ends": [0, 1],
        "answers": {
            "losses": ["bce"],
            "always_mirrored": ["bce"],
            "trainings": [{"images": 96, "epochs": 2}, {"images": 192, "epochs": 1}],
            "seeds": [0],
        },
    }
    path.write_text(yaml.safe_dump(values, sort_keys=False))
    for old in (clone.folder / "case_studies/original/results").glob("*.csv"):
        old.unlink()
    clone.commit("tiny")

    assert "page" not in clone.run("dvc", "stage", "list", "--name-only").split()
    output = clone.run("dvc", "repro", "original/dvc.yaml", inside="case_studies")
    stages = [name.partition(":")[2] for name in clone.ran(output)]
    assert sorted(stages) == ["answers", "page", "sample", "train"] and stages[-1] == "page"
    with (clone.folder / "case_studies/original/results/scenes.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4 * 2 and all(0 <= float(row["iou_best"]) <= 1 for row in rows)
    page = (clone.folder / "docs/original-recipe.md").read_text()
    assert "Over all 4 recipes, on IoU at 0.5" in page and "missing**" not in page
    assert "../case_studies/original/figures/scenes-mask-dice-iou.svg" in page
    assert clone.ran(clone.run("dvc", "repro", "original/dvc.yaml", inside="case_studies")) == []
