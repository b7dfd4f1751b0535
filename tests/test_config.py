"""What params.yaml may say, and the one line that a mistake gets."""

from pathlib import Path

import pytest
import yaml

from loss_study import composition
from loss_study.check import check_choices
from loss_study.config import load_config
from loss_study.runtime.errors import StudyError
from loss_study.trial import Trial, trials

ROOT = Path(__file__).parent.parent


@pytest.fixture
def values():
    return yaml.safe_load((ROOT / "params.yaml").read_text())


def check(values, tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(values))
    check_choices(load_config(path))


def changed(values, key, value):
    *sections, last = key.split(".")
    place = values
    for section in sections:
        place = place[section]
    place[last] = value
    return values


def test_params_yaml_is_the_composed_default(tmp_path):
    composition.compose(tmp_path / "params.yaml")
    assert (tmp_path / "params.yaml").read_text() == (ROOT / "params.yaml").read_text(), "run 'make params'"


def test_the_defaults_are_valid(values, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    check(values, tmp_path)


def test_trials_in_the_order_of_the_matrix(values, tmp_path):
    changed(values, "loss.names", ["dice", "bce"])
    changed(values, "seeds", [1, 2])
    (tmp_path / "p.yaml").write_text(yaml.safe_dump(values))
    names = [trial.name for trial in trials(load_config(tmp_path / "p.yaml"))]
    assert names[:4] == ["mask-dice-1", "mask-dice-2", "mask-bce-1", "mask-bce-2"]
    assert len(names) == 8 and Trial("depth", "bce", 2).name == names[-1]


MISTAKES = [
    ("dataset.heads", ["mask"], r"loss.heads: data set 'scenes' has no depth; choose loss.heads=\[mask\]"),
    ("dataset.classes", 0, r"dataset.classes: .*greater than or equal to 1"),
    ("dataset.class_names", ["pet", "border"], r"dataset.class_names: 2 names for 1 classes; give one each"),
    ("dataset.classes", 3, r"dataset.classes: with these dataset.options scenes has 1, not 3"),
    ("loss.names", ["dcie"], r"unknown loss 'dcie': did you mean 'dice'\?|loss_options.dcie: missing"),
    ("loss.names", [], r"loss.names: .*at least 1"),
    ("loss.names", ["dice", "dice"], r"loss.names: names something twice"),
    ("loss.names", "dice", r"loss.names: Input should be a valid list; got 'dice'"),
    ("loss.names", ["../dice"], r"loss.names.0: String should match pattern"),
    ("loss.heads", ["masks"], r"loss.heads.0: Input should be 'mask' or 'depth'; got 'masks'"),
    ("dataset.heads", ["mask"], r"loss.heads: data set 'scenes' has no depth"),
    ("dataset.name", "scene", r"unknown data set 'scene': did you mean 'scenes'\?"),
    ("dataset.options", {"background": 3}, r"dataset.options.background: no such key; did you mean 'backgrounds'\?"),
    ("dataset.path", "no/such/folder", r"dataset.path: no/such/folder does not exist"),
    ("dataset.sha256", ["0" * 64], r"dataset.sha256: 1 checksums for 0 urls"),
    ("sample.size", 50, r"sample.size: .*multiple of 16; got 50"),
    ("sample.images", "many", r"sample.images: .*valid integer; got 'many'"),
    ("sample.test", 0.9, r"sample.validation \+ sample.test: must leave a share for training"),
    ("sample.test", 0.0, r"sample.test: .*greater than 0"),
    ("model.name", "unet", r"unknown model 'unet': did you mean 'resunet'\?"),
    ("model.options", {"width": 2.5}, r"model.options.width: .*valid integer; got 2.5"),
    ("loss_options.huber", {"dleta": 1.0}, r"loss_options.huber.dleta: no such key; did you mean 'delta'\?"),
    ("loss_options.huber", {"delta": -1.0}, r"loss_options.huber.delta: .*greater than 0; got -1.0"),
    ("recipe.optimizer.lr", 0, r"recipe.optimizer.lr: .*greater than 0; got 0"),
    ("recipe.optimizer.lr", True, r"recipe.optimizer.lr: Input should be a number; got True"),
    ("recipe.optimizer.lr", float("inf"), r"recipe.optimizer.lr: Input should be finite; got inf"),
    ("recipe.optimizer.name", "lion", r"unknown optimizer 'lion'"),
    ("recipe.schedule.name", "onecylce", r"unknown schedule 'onecylce': did you mean 'onecycle'\?"),
    ("recipe.precision", "float16", r"recipe.precision: Input should be 'auto', 'float32' or 'bfloat16'"),
    ("recipe.epochs", 0, r"recipe.epochs: .*greater than or equal to 1; got 0"),
    ("recipe.epoch", 3, r"recipe.epoch: no such key; did you mean 'epochs'\?"),
    ("recipe.keep", "first", r"recipe.keep: Input should be 'best' or 'last'; got 'first'"),
    ("recipe.augmentation.flips", 0.5, r"recipe.augmentation.flips: no such key; did you mean 'flip'\?"),
    ("recipe.augmentation.erase", 1.5, r"recipe.augmentation.erase: .*less than or equal to 1; got 1.5"),
    ("loss_options.l1", {"sigmoid": 0}, r"loss_options.l1.sigmoid: .*valid boolean; got 0"),
    ("sample.split", "random", r"sample.split: Input should be 'disjoint' or 'order'; got 'random'"),
    ("recipes", {}, r"recipes: no such key; did you mean 'recipe'\?"),
    ("seeds", [0, -1], r"seeds.1: .*greater than or equal to 0; got -1"),
    ("seeds", 3, r"seeds: Input should be a valid list; got 3"),
]


@pytest.mark.parametrize(("key", "value", "message"), MISTAKES, ids=[f"{key}={value}" for key, value, _ in MISTAKES])
def test_a_mistake_gets_one_line_that_names_the_key(key, value, message, values, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(StudyError, match=message) as error:
        check(changed(values, key, value), tmp_path)
    assert "\n" not in str(error.value)


def test_a_missing_section(values, tmp_path):
    del values["recipe"]["optimizer"]
    with pytest.raises(StudyError, match=r"recipe.optimizer: missing"):
        check(values, tmp_path)


@pytest.mark.parametrize("text", ["", "a: [", "- 1", "\x00"])
def test_not_a_mapping(text, tmp_path):
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(StudyError, match=r"params\.yaml: "):
        load_config(tmp_path / "params.yaml")


def test_no_file(tmp_path):
    with pytest.raises(StudyError, match="no such file; run in the project's root"):
        load_config(tmp_path / "params.yaml")


@pytest.mark.parametrize("group", ["dataset", "loss", "model", "recipe", "scale"])
def test_every_choice_in_conf_composes(group, tmp_path):
    for path in sorted((ROOT / "conf" / group).glob("*.yaml")):
        composition.compose(tmp_path / "params.yaml", [f"{group}={path.stem}"])
        load_config(tmp_path / "params.yaml")


def test_one_loss_is_one_loss(tmp_path):
    composition.compose(tmp_path / "params.yaml", ["loss=dice"])
    composed = load_config(tmp_path / "params.yaml")
    assert composed.loss.names == ["dice"] and set(composed.loss_options) == {"dice"}
