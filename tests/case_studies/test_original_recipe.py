"""The original study's recipe, its replay in case_studies/original, and the sentences made from the numbers."""

import csv
import importlib
from pathlib import Path

import pytest
import yaml

from loss_study.checks.check import check_choices
from loss_study.config import composition, load_config
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
    return modules("variants").load()


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


# --- the variants ---


def test_with_every_mistake_mended_it_is_the_fixed_recipe(plan, tmp_path):
    overrides = ["recipe=fixed", *(line for line in plan.study if not line.startswith("recipe="))]
    mended, own = (
        dict(flat(study.model_dump(exclude={"dataset"})))
        for study in (plan.parameters(plan.variant("mended"), "mask", "l1"), composed(tmp_path, *overrides))
    )
    # Every trial is measured on both test splits, and Dice is the original's in all variants.
    left = {key for key in mended.keys() | own.keys() if mended.get(key) != own.get(key)}
    assert left == {"recipe.name", "recipe.augmentation.test", "loss_options.dice.smooth"}


@pytest.mark.parametrize("head", ["mask", "depth"])
def test_a_mistake_changes_what_it_says_and_nothing_else(plan, head):
    made_by = {
        variant.mistakes: dict(flat(plan.parameters(variant, head, "dice").model_dump()))
        for variant in plan.variants.values()
    }
    pairs = 0
    for mistakes, other in made_by.items():
        for mistake in mistakes:
            one = made_by.get(mistakes - {mistake})
            if one is None:
                continue
            pairs += 1
            differing = {key for key in one.keys() | other.keys() if one.get(key) != other.get(key)}
            mended = {line.lstrip("~").partition("=")[0] for line in plan.mistakes[mistake].mend}
            assert differing == mended - {key for key in mended if one.get(key) == other.get(key)} != set()
    assert pairs == 9


def test_every_known_mistake_is_replayed(plan):
    assert plan.variant("original").mistakes == plan.mistakes.keys()
    assert {name for name, variant in plan.variants.items() if variant.mistakes <= {"learning_rate", name}} == {
        "mended",
        *plan.mistakes,
    }
    assert {trial.loss for trial in plan.variant("raw_l1").trials} == {"l1"}
    assert {seed for variant in plan.variants.values() for seed in {t.seed for t in variant.trials}} == {0, 1, 2}


def test_unknown_names_are_named(plan, modules, tmp_path):
    from loss_study.runtime.errors import StudyError

    with pytest.raises(StudyError, match="unknown variant 'flip': did you mean 'flip_apart'"):
        plan.variant("flip")
    values = yaml.safe_load((CASES / "original" / "params.yaml").read_text())
    values["variants"]["erase"]["mistakes"] = ["erased"]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(StudyError, match=r"variants\.erase: unknown mistake 'erased': did you mean 'erase'"):
        modules("variants").load(tmp_path / "params.yaml")


# --- the sentences ---


def rows(variant, values, head="mask", loss="bce", verdict="", augmented=None):
    return [
        {
            "variant": variant,
            "head": head,
            "loss": loss,
            "status": "finished",
            "verdict": verdict,
            "value": str(value),
            "augmented": str(value if augmented is None else augmented),
        }
        for value in values
    ]


@pytest.fixture
def answered(modules, plan):
    findings = modules("findings")

    def made(*results, head="mask", loss="bce"):
        every = [row for result in results for row in result]
        found = findings.Findings(plan, findings.scores(every), findings.scores(every, "augmented"))
        return findings.answer(found, head, loss), findings.collapses(found)

    return made


def test_what_explains_and_what_does_not(answered):
    answer, collapsed = answered(
        rows("mended", [0.9, 0.8, 1.0]),
        rows("learning_rate", [0.85, 0.75, 0.95]),
        rows("flip_apart", [0.0, 0.0, 0.0], verdict="all background"),
        rows("wrong_background", [0.6, 0.5, 0.7]),
        rows("erase", [0.9, 0.7, 0.8]),
        rows("order", [0.96, 0.98, 0.97]),
        rows("original", [0.1, 0.1, 0.1], augmented=0.05),
        rows("without_flip_apart", [0.4, 0.5, 0.6]),
        rows("without_wrong_background", [0.1, 0.0, 0.2]),
    )
    assert answer.sentences == [
        "The original recipe reaches IoU 0.10; with every mistake fixed, 0.90 (0.80 to 1.00).",
        "**It loses 0.80. Mistakes that explain it, each made alone: inputs flipped apart (costs 0.85) and "
        "wrong backgrounds (costs 0.25).**",
        "Made alone, these improve the score: split by order (by 0.12).",
        "Within the spread over seeds: learning rate 0.5 for all, squares erased and augmented test split.",
        "Mistakes whose fix alone improves the original recipe: inputs flipped apart (gains 0.40) and "
        "augmented test split (gains 0.05).",
    ]
    table = {title: (alone, beside) for title, alone, beside in answer.rows}
    assert table["inputs flipped apart"] == (
        "0.85 (0.75 to 0.95) → 0.00 (3 of 3 all background)",
        "0.10 → 0.50 (0.40 to 0.60)",
    )
    assert table["augmented test split"] == ("0.00 (3 of 3 all background) → 0.00", "0.05 → 0.10")
    assert "`flip_apart`: 3 of 3: mask bce 3 of 3 all background." in collapsed
    assert "`mended`: 0 of 3." in collapsed


def test_ranges_that_touch_are_no_difference(answered):
    answer, _ = answered(rows("mended", [0.5, 0.7]), rows("original", [0.1, 0.5]))
    assert "nothing to explain" in answer.sentences[1]


def test_no_mistake_by_itself_explains_what_all_together_do(answered):
    answer, _ = answered(
        rows("mended", [0.8, 0.9]),
        rows("learning_rate", [0.8, 0.9]),
        rows("flip_apart", [0.7, 0.85]),
        rows("original", [0.1, 0.2]),
    )
    assert answer.sentences[1] == "**It loses 0.70, but no single mistake costs more than the spread over seeds.**"


def test_a_study_that_fails_even_when_mended_explains_nothing(answered):
    answer, _ = answered(
        rows("mended", [0.0, 0.0], verdict="all background"), rows("original", [0.0, 0.0], verdict="all background")
    )
    assert "too small to say why" in answer.sentences[1]


def test_on_depth_the_lower_error_is_the_better_one(answered):
    answer, _ = answered(
        rows("mended", [0.1, 0.12], "depth", "l1"),
        rows("learning_rate", [0.1, 0.12], "depth", "l1"),
        rows("raw_l1", [0.3, 0.4], "depth", "l1"),
        rows("original", [0.3, 0.3], "depth", "l1"),
        head="depth",
        loss="l1",
    )
    assert (
        answer.sentences[1]
        == "**It loses 0.190. Mistakes that explain it, each made alone: L1 without sigmoid (costs 0.240).**"
    )


# --- the command ---


@pytest.mark.pipeline
@pytest.mark.long
def test_one_command_ends_in_the_page_and_the_study_does_not_run_it(tmp_path):
    clone = Clone(tmp_path / "clone")
    path = clone.folder / "case_studies/original/params.yaml"
    values = yaml.safe_load(path.read_text())
    kept = {name: values["variants"][name] for name in ("mended", "original")}
    values |= {"study": ["recipe=original", "scale=smoke"], "seeds": [0], "losses": {"mask": ["l1"]}, "variants": kept}
    path.write_text(yaml.safe_dump(values, sort_keys=False))
    # What was replayed before on other pictures stays on the page.
    other = clone.folder / "case_studies/original/results/composites"
    other.mkdir(parents=True, exist_ok=True)
    header = "variant,head,loss,seed,status,verdict,value,at_best,augmented,epoch,seconds"
    for name, value in (("mended", 0.75), ("original", 0.25)):
        (other / f"{name}.csv").write_text(f"{header}\n{name},mask,l1,0,finished,,{value},{value},{value},4,1.0\n")
    clone.commit("tiny")

    assert "page" not in clone.run("dvc", "stage", "list", "--name-only").split()
    output = clone.run("dvc", "repro", "original/dvc.yaml", inside="case_studies")
    stages = [name.partition(":")[2] for name in clone.ran(output)]
    assert stages[0] == "sample" and stages[-1] == "page" and len(stages) == 4
    with (clone.folder / "case_studies/original/results/scenes/original.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert row["epoch"] == "4" and 0 <= float(row["value"]) <= 1
    page = (clone.folder / "docs/original-recipe.md").read_text()
    assert "## On scenes" in page and "reaches IoU 0.25; with every mistake fixed, 0.75." in page
    assert (clone.folder / "case_studies/original/figures/scenes-original.png").read_bytes().startswith(b"\x89PNG")
    assert "../case_studies/original/figures/scenes-mended.png" in page
    assert clone.ran(clone.run("dvc", "repro", "original/dvc.yaml", inside="case_studies")) == []
