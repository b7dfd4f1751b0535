"""The configuration: its schema, how conf/ composes it, and the one line that a mistake gives."""

import os
from pathlib import Path

import pytest
import yaml

from loss_study.checks.check import check_choices
from loss_study.config import composition, fitted, flat, load_config, open_weights, with_weights
from loss_study.runtime.errors import StudyError
from loss_study.trial import Trial, trials

ROOT = Path(__file__).parents[2]


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


def test_names_that_dvc_cannot_read_are_refused(values, tmp_path):
    (tmp_path / "data/images").mkdir(parents=True)
    for name in (b"caf\xe9.png", b"plain.png", "gr\u00fcn.png".encode(), b"line\nbreak.png"):
        (tmp_path / "data/images" / os.fsdecode(name)).touch()
    changed(values, "dataset.path", str(tmp_path / "data"))
    message = r"DVC cannot read names that are not UTF-8 \(1, first: caf\\xe9\.png\); rename them"
    with pytest.raises(StudyError, match=message):
        check(values, tmp_path)
    (tmp_path / "data/images" / os.fsdecode(b"caf\xe9.png")).unlink()
    check(values, tmp_path)


def test_trials_in_the_order_of_the_matrix(values, tmp_path):
    changed(values, "loss.names", ["dice", "bce"])
    changed(values, "seeds", [1, 2])
    (tmp_path / "p.yaml").write_text(yaml.safe_dump(values))
    names = [trial.name for trial in trials(load_config(tmp_path / "p.yaml"))]
    assert names[:4] == ["mask-dice-1", "mask-dice-2", "mask-bce-1", "mask-bce-2"]
    assert len(names) == 8 and Trial("depth", "bce", 2).name == names[-1]


MISTAKES = [
    ("dataset.heads", ["mask"], r"loss.heads: dataset 'scenes' has no depth; choose loss.heads=\[mask\]"),
    ("dataset.classes", 0, r"dataset.classes: .*greater than or equal to 1"),
    ("dataset.class_names", ["pet", "border"], r"dataset.class_names: 2 names for 1 classes; give one each"),
    ("dataset.classes", 3, r"dataset.classes: with these dataset.options scenes has 1, not 3"),
    ("loss.names", ["dcie"], r"unknown loss 'dcie': did you mean 'dice'\?|loss_options.dcie: missing"),
    ("loss.names", [], r"loss.names: .*at least 1"),
    ("loss.names", ["dice", "dice"], r"loss.names: lists something twice"),
    ("loss.combinations", ["dice"], r"loss.names: lists something twice"),
    ("loss.combinations", ["dice_bce"], r"loss_options.dice_bce: missing"),
    ("loss_options.dice", {"terms": {"bce": 1.0}}, r"loss.names: dice is a weighted sum; list it in loss.combinations"),
    ("loss.names", "dice", r"loss.names: Input should be a valid list; got 'dice'"),
    ("loss.names", ["../dice"], r"loss.names.0: String should match pattern"),
    ("loss.heads", ["masks"], r"loss.heads.0: Input should be 'mask' or 'depth'; got 'masks'"),
    ("dataset.heads", ["mask"], r"loss.heads: dataset 'scenes' has no depth"),
    ("dataset.name", "scene", r"unknown dataset 'scene': did you mean 'scenes'\?"),
    ("dataset.options", {"background": 3}, r"dataset.options.background: no such key; did you mean 'backgrounds'\?"),
    ("dataset.class_names", ["at_best"], r"dataset.class_names: iou_at_best is another metric"),
    ("dataset.path", "no/such/folder", r"dataset.path: no/such/folder does not exist"),
    ("dataset.sha256", ["0" * 64], r"dataset.sha256: 1 checksums for 0 urls"),
    ("sample.size", 50, r"sample.size: .*multiple of 16; got 50"),
    ("sample.images", 0, r"sample.images: .*greater than"),
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
    ("recipe.batchnorm", "frozen", r"recipe.batchnorm: Input should be 'running' or 'recomputed'; got 'frozen'"),
    ("recipe.parent.epochs", -1, r"recipe.parent.epochs: .*greater than or equal to 0; got -1"),
    ("recipe.parent.loss", "bec", r"recipe.parent.loss: no loss has the file bec.py; did you mean 'bce'\?"),
    ("recipe.parent", {"loss": "lovasz", "epochs": 1}, r"recipe.parent.loss: lovasz makes no sense on the depth head"),
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


def test_yaml_that_stands_for_more_than_fits_into_memory_is_refused_at_once(tmp_path):
    lines = ["a0: &a0 [1, 1]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}]" for n in range(1, 99))]
    for text, message in (("\n".join(lines), "more than 100,000 values"), ("[" * 10**5, "without end")):
        (tmp_path / "params.yaml").write_text(text)
        with pytest.raises(StudyError, match=message):
            load_config(tmp_path / "params.yaml")


@pytest.mark.parametrize("key", ["seeds", "sample.images", "recipe.epochs", "recipe.threads", "race.rounds"])
@pytest.mark.parametrize("number", [2**63, 2**31, -(2**64)])
def test_a_number_that_no_library_takes_is_refused(key, number, values, tmp_path):
    with pytest.raises(StudyError, match=f"^{key}: a number beyond 2,147,483,647"):
        check(changed(values, key, [number] if key in ("seeds", "race.rounds") else number), tmp_path)


def test_no_file(tmp_path):
    with pytest.raises(StudyError, match="no such file; run in the project's root"):
        load_config(tmp_path / "params.yaml")


# --- composition ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("group", ["dataset", "loss", "model", "recipe", "scale"])
def test_every_choice_in_conf_composes(group, tmp_path, monkeypatch):
    monkeypatch.setattr(fitted, "FITTED", tmp_path / "fitted_scale.yaml")
    fitted.write("large", [0], "")
    for path in sorted((ROOT / "conf" / group).glob("*.yaml")):
        # Weights to choose from take a search.
        search = ["recipe=tuned"] if path.stem == "combinations_searched" else []
        composition.composed([f"{group}={path.stem}", *search])


def test_a_choice_that_does_not_exist_is_named():
    with pytest.raises(StudyError, match="Could not find 'loss/dcie'"):
        composition.composed(["loss=dcie"])


def test_one_loss_is_one_loss():
    config = composition.composed(["loss=dice"])
    assert config.loss.names == ["dice"] and config.loss.combinations == []
    assert set(config.loss_options) == {"dice"}
    # Of a loss that the ground truth does not minimise on depth, the mask.
    assert config.loss.heads == ["mask"]
    assert composition.composed(["loss=dice_bce"]).loss.heads == ["mask", "depth"]


def test_one_combination_is_one_combination():
    config = composition.composed(["loss=dice_bce"])
    assert config.loss.names == [] and config.loss.combinations == ["dice_bce"]
    assert set(config.loss_options) == {"dice", "bce", "dice_bce"}


def test_losses_with_a_file_come_before_combinations():
    config = composition.composed(["loss=mask", "seeds=[0]"])
    assert config.losses == [*config.loss.names, "dice_cross_entropy"]
    assert [trial.loss for trial in trials(config)] == config.losses


SIZES = {
    "smoke": ("fixed", 96, 32, 4, 2, 8, 4, 1),
    "small": ("tuned", 250, 32, 3, 3, 16, 8, 1),
    "quick": ("tuned", 800, 32, 5, 3, 16, 8, 1),
    "large": ("tuned", 2000, 48, 8, 3, 16, 12, 1),
    "larger": ("tuned", 8000, 64, 12, 3, 16, 16, 1),
    "laptop": ("tuned", 4000, 112, 12, 6, 32, 16, 0),
    "original": ("tuned", 20000, 112, 20, 8, 128, 32, 0),
}


def sizes(config):
    recipe, sample = config.recipe, config.sample
    epochs = recipe.epochs, recipe.search.epochs
    width = config.model.options["width"]
    return recipe.name, sample.images, sample.size, *epochs, recipe.batch_size, width, recipe.threads


@pytest.mark.parametrize("scale", SIZES)
def test_a_scale_sets_sizes_and_recipe(scale):
    config = composition.composed([f"scale={scale}"])
    assert config.scale == scale and sizes(config) == SIZES[scale]
    other = {"fixed": "tuned", "tuned": "fixed"}[config.recipe.name]
    assert sizes(composition.composed([f"scale={scale}", f"recipe={other}"])) == (other, *SIZES[scale][1:])


@pytest.mark.parametrize("order", [1, -1])
def test_what_is_said_about_one_value_wins_over_the_scale(order):
    choices = ["scale=laptop", "sample.images=50", "recipe.epochs=2", "model.options.width=6", "recipe.search.epochs=1"]
    found = sizes(composition.composed(choices[::order]))
    assert found == ("tuned", 50, 112, 2, 1, 32, 6, 0)


@pytest.mark.parametrize("recipe", ["fixed", "tuned", "original"])
def test_the_small_scales_compute_alike_on_every_processor(recipe):
    for scale in ("smoke", "quick"):
        assert composition.composed([f"scale={scale}", f"recipe={recipe}"]).recipe.precision == "float32"
    assert composition.composed(["recipe.precision=auto", f"recipe={recipe}"]).recipe.precision == "auto"


def test_a_recipe_wins_over_the_scale_where_it_has_a_size_of_its_own():
    for scale in ("smoke", "original"):
        config = composition.composed(["recipe=pets_segnet", f"scale={scale}"])
        assert config.recipe.batch_size == 64 and config.recipe.epochs == SIZES[scale][3]


def test_a_model_without_a_width_gets_none():
    assert "width" not in composition.composed(["model=segnet", "scale=laptop"]).model.options


def test_a_recipe_may_change_sample_and_losses_at_any_scale():
    config = composition.composed(["recipe=original", "scale=smoke", "recipe/schedule=cosine"])
    assert (config.sample.split, config.sample.images, config.sample.validation) == ("order", 96, 0.1)
    assert config.loss_options["dice"] == {"smooth": 0.0} and config.recipe.schedule.name == "cosine"


def test_the_recipe_continue_has_a_parent_and_rates_of_its_own():
    recipe, tuned = (composition.composed([f"recipe={name}"]).recipe for name in ("continue", "tuned"))
    assert recipe.continues and recipe.batchnorm == "recomputed" and recipe.search.epochs == recipe.epochs
    assert recipe.search.lr and recipe.search.lr != tuned.search.lr
    assert not tuned.continues and tuned.batchnorm == "running"


@pytest.mark.parametrize(
    ("choice", "message", "then"),
    [
        ("seeds=[2000]", r"recipe\.parent\.seed: 2000 is one of seeds", "recipe.parent.epochs=0"),
        ("recipe.search.seed=2000", r"recipe\.parent\.seed: 2000 is recipe\.search\.seed", "recipe.parent.epochs=0"),
        (
            "recipe.freeze=[encoder]",
            r"recipe\.batchnorm: .*say -S recipe\.batchnorm=running,",
            "recipe.batchnorm=running",
        ),
        ("recipe.freeze=[encoder]", r"recipe\.batchnorm: .*or -S 'recipe\.freeze=\[\]'$", "recipe.freeze=[]"),
        ("recipe.devices=2", r"recipe\.devices: recipe\.batchnorm recomputed works on one", "recipe.batchnorm=running"),
    ],
)
def test_what_does_not_suit_a_parent_is_refused(choice, message, then):
    with pytest.raises(StudyError, match=f"^{message}"):
        composition.composed(["recipe=continue", choice])
    composition.composed(["recipe=continue", choice, then])


def test_a_parent_has_to_suit_the_classes(monkeypatch):
    monkeypatch.chdir(ROOT)
    choices = ["dataset=pets_trimap", "loss.names=[dice]", "recipe=continue", "dataset.path=conf"]
    with pytest.raises(
        StudyError, match=r"^recipe\.parent\.loss: bce takes a mask of one class, .*; choose from .*dice"
    ):
        check_choices(composition.composed(choices))
    check_choices(composition.composed([*choices, "recipe.parent.loss=dice"]))


# --- combinations -----------------------------------------------------------------------------------------------------

MINE = "+loss_options.mine={terms:{dice:1.0,bce:[0.25,0.5]},options:{dice:{smooth:3.0}}}"


def test_a_term_has_the_options_of_its_loss_unless_the_combination_has_its_own():
    choices = ["loss.combinations=[dice_bce,mine]", MINE, "loss=dice_bce", "loss_options.dice.smooth=0.5"]
    config = composition.composed([*choices, "recipe=tuned"])
    assert config.options_of("dice_bce") == {
        "terms": {"dice": 1.0, "bce": 0.5},
        "options": {"dice": {"smooth": 0.5}, "bce": {}},
    }
    assert config.options_of("mine")["options"] == {"dice": {"smooth": 3.0}, "bce": {}}


def test_weights_to_choose_from_take_a_search():
    choices = ["recipe=fixed", "loss=dice_bce", "loss.combinations=[mine]", MINE]
    with pytest.raises(StudyError, match=r"loss_options\.mine\.terms\.bce: .* takes a search; say -S recipe=tuned"):
        composition.composed(choices)
    options = composition.composed([*choices, "recipe=tuned"]).options_of("mine")
    assert open_weights(options) == {"bce": [0.25, 0.5]}
    closed = with_weights(options, {"bce": 0.25})
    assert closed["terms"] == {"dice": 1.0, "bce": 0.25} and open_weights(closed) == {}
    assert open_weights({"smooth": 1.0}) == {} and with_weights({"smooth": 1.0}, {}) == {"smooth": 1.0}


def test_a_study_needs_a_loss():
    with pytest.raises(
        StudyError, match=r"loss.names: list at least 1 loss, there, in loss.combinations or in loss.imported"
    ):
        composition.composed(["loss.names=[]"])


def test_flat_names():
    assert flat({"terms": {"dice": 1.0}, "options": {"dice": {"smooth": 2.0}, "bce": {}}}) == {
        "terms.dice": 1.0,
        "options.dice.smooth": 2.0,
    }


@pytest.mark.parametrize(
    ("choices", "later"),
    [
        ([], [2, 3, 4]),
        (["seeds=[0,1,2,3,4,5,6,7,8,9,10,11]"], [2, 3]),
        (["seeds=[0,1,2,3]"], [2]),
        (["seeds=[0]"], []),
        (["seeds=[0,1,2,3,4,5,6,7,8,9]", "sample.folds=5"], [2]),
        (["seeds=[0,1,2,3,4,5,6,7,8,9]", "sample.folds=10"], []),
        (["seeds=[0,1,2,3]", "loss=dice"], []),
        (["seeds=[0,1,2,3]", "loss.names=[dice]", "loss.combinations=[dice_bce]", "+loss_options.dice_bce={}"], [2]),
    ],
)
def test_composition_says_which_later_rounds_the_seeds_and_losses_make(choices, later, tmp_path):
    composition.compose(tmp_path / "params.yaml", choices)
    race = yaml.safe_load((tmp_path / "params.yaml").read_text())["race"]
    assert race["later"] == later
    assert race["previous"] == {str(number): number - 1 for number in later}


@pytest.mark.parametrize(
    ("choice", "words"), [("sample.folds=2", "a part each; set it to 1"), ("sample.split=order", "set one")]
)
def test_what_cannot_be_folds_is_refused(choice, words):
    assert composition.composed(["sample.folds=3"]).sample.folds == 3
    with pytest.raises(StudyError, match=rf"^sample\.folds: .*{words}"):
        composition.composed(["sample.folds=3", choice])


def test_seeds_added_by_hand_that_make_a_round_without_stages_are_refused(values, tmp_path):
    values["seeds"], values["race"]["later"], values["race"]["previous"] = [0, 1, 2], [2], {"2": 1}
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(values))
    assert load_config(path).rounds == [[0, 1, 2]]
    values["seeds"] = [0, 1, 2, 3, 4, 5, 6]
    path.write_text(yaml.safe_dump(values))
    with pytest.raises(StudyError, match=r"^race\.later: seeds and race\.rounds make 3 rounds, and DVC has no stages"):
        load_config(path)
