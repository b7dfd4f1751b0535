"""Sections of params.yaml that contradict each other, and values that it may not hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from loss_study.choices.imported import TARGET
from loss_study.config.dataset import DatasetConfig
from loss_study.config.loss import LossConfig, combination, refuse_open_weights
from loss_study.config.recipe import PARTS, RecipeConfig, SearchConfig
from loss_study.config.study import Config
from loss_study.config.values import flat
from loss_study.heads import HEADS
from loss_study.runtime.errors import StudyError, nearest
from loss_study.runtime.redaction import secrets_in, without_secrets

#: The most values in params.yaml, those that aliases repeat included.
MOST_VALUES = 100_000
#: The largest whole number in it, up or down.
LARGEST = 2**31 - 1
#: Names that no class of a mask may have, since ``iou_<name>`` is another metric.
RESERVED_CLASS_NAMES = ("dataset", "at_best", "dataset_at_best")


def refuse_bombs(values: dict[str, Any], path: Path) -> None:
    """A few lines of YAML with aliases can stand for more values than fit into memory."""
    waiting: list[Any] = [values]
    for _ in range(MOST_VALUES):
        if not waiting:
            return
        value = waiting.pop()
        waiting += value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    raise StudyError(f"{path}: stands for more than {MOST_VALUES:,} values; write them out without aliases")


def refuse_large_numbers(values: dict[str, Any]) -> None:
    """Neither PyTorch nor NumPy takes them everywhere."""
    for key, value in flat(values).items():
        numbers = value if isinstance(value, list) else [value]
        if any(isinstance(number, int) and abs(number) > LARGEST for number in numbers):
            raise StudyError(f"{key}: a number beyond {LARGEST:,}; choose a smaller one")


def refuse_secrets(values: dict[str, Any]) -> None:
    """params.yaml goes into git, ``dvc.lock`` and MLflow."""
    for key, address in secrets_in(values):
        raise StudyError(
            f"{key}: {without_secrets(address)} holds a password or a token, which would be kept in git; put user and "
            "password into ~/.netrc, or fetch the file yourself and set dataset.path"
        )


def check_consistent(config: Config) -> None:
    """Raise a StudyError that names the first key of `config` which another one contradicts."""
    sample = config.sample
    if sample.validation + sample.test >= 1:
        raise StudyError("sample.validation + sample.test: must leave a share for training; lower one of them")
    if sample.folds == 2:
        raise StudyError("sample.folds: training, validation and test need a part each; set it to 1, or to 3 or more")
    if sample.folds > 1 and sample.split == "order":
        raise StudyError(
            "sample.folds: deals objects and backgrounds to parts, which sample.split order does not; set one"
        )
    for key, values in (
        ("loss.names", config.losses),
        ("joint.names", config.joint.names),
        ("loss.heads", config.loss.heads),
        ("seeds", config.seeds),
        ("recipe.freeze", config.recipe.freeze),
    ):
        if len(set(values)) != len(values):
            raise StudyError(f"{key}: lists something twice: {values}")
    if config.race.rounds != sorted(set(config.race.rounds)):
        raise StudyError(f"race.rounds: list different numbers of seeds from low to high, not {config.race.rounds}")
    _check_rounds(config)
    _check_losses(config)
    _check_heads(config.loss, config.dataset)
    _check_joint(config)
    _check_classes(config.dataset)
    _check_search(config.recipe.search, config.seeds)
    _check_recipe(config.recipe)
    _check_parent(config.recipe, config.seeds)
    _check_devices(config.recipe)


def _check_rounds(config: Config) -> None:
    """Refuse a params.yaml that was edited by hand so that DVC has too few stages; too many do nothing."""
    count = len(config.rounds)
    numbers = {number: number - 1 for number in range(2, count + 1)}
    known = {int(key): before for key, before in config.race.previous.items() if key.isdigit()}
    if not (numbers.keys() <= set(config.race.later) and numbers.items() <= known.items()):
        raise StudyError(
            f"race.later: seeds and race.rounds make {count} rounds, and DVC has no stages for all of them; compose "
            "params.yaml again with 'loss-study compose' or 'dvc exp run -S ...'"
        )


def _check_losses(config: Config) -> None:
    if not config.candidates:
        raise StudyError("loss.names: list at least 1 loss, there, in loss.combinations or in loss.imported")
    for name in config.losses:
        if name not in config.loss_options:
            raise StudyError(f"loss_options.{name}: missing; add it, {{}} for the defaults (see conf/loss/{name}.yaml)")
    _check_kinds(config)
    for name in config.loss.combinations:
        combination(name, config.loss_options[name])
        if not config.recipe.search.lr:
            refuse_open_weights(name, config.loss_options[name])


def _check_kinds(config: Config) -> None:
    """Refuse a loss in the list of another kind."""
    for name in config.loss.names:
        if "terms" in config.loss_options[name]:
            raise StudyError(f"loss.names: {name} is a weighted sum; list it in loss.combinations")
        if TARGET in config.loss_options[name]:
            raise StudyError(f"loss.names: {name} has a {TARGET}; list it in loss.imported")
    for name in config.loss.imported:
        if TARGET not in config.loss_options[name]:
            raise StudyError(f"loss_options.{name}.{TARGET}: missing; write it as my_package.MyLoss")


def _check_heads(loss: LossConfig, dataset: DatasetConfig) -> None:
    for head in loss.heads:
        if head not in dataset.heads:
            raise StudyError(
                f"loss.heads: dataset {dataset.name!r} has no {head}; choose loss.heads=[{','.join(dataset.heads)}]"
            )


def _check_joint(config: Config) -> None:
    if not config.joint.names:
        return
    for name in config.joint.names:
        _check_joint_training(name, config)
    if missing := [head for head in HEADS if head not in config.loss.heads]:
        raise StudyError(
            f"joint.names: a joint training has both heads, and loss.heads lacks {missing[0]}; "
            "say -S 'loss.heads=[mask,depth]', or -S joint=none"
        )
    if config.recipe.continues:
        raise StudyError("joint.names: recipe.parent trains networks of one head; say -S recipe.parent.epochs=0")
    if config.recipe.cache_features:
        raise StudyError("joint.names: recipe.cache_features works with one head; say -S recipe.cache_features=false")


def _check_joint_training(name: str, config: Config) -> None:
    if name not in config.joint.options:
        raise StudyError(f"joint.names: joint.options.{name} is missing; {nearest(name, config.joint.options)}")
    if name in config.losses:
        raise StudyError(f"joint.names: {name} is the name of a loss, too; give the joint training another name")
    for head, loss in config.joint.options[name].losses.items():
        options = config.loss_options.get(loss, {})
        refuse_open_weights(loss, options)
        if TARGET in options:
            # Its stages would not depend on the loss's file.
            raise StudyError(
                f"joint.options.{name}.{head}: {loss} is a loss by import path; the joint trainings of a study take "
                f"others, and 'loss-study final --loss {head}={loss}' trains one network with it"
            )


def _check_classes(dataset: DatasetConfig) -> None:
    named = dataset.class_names
    if named and len(named) != dataset.classes:
        raise StudyError(f"dataset.class_names: {len(named)} names for {dataset.classes} classes; give one each")
    if len(set(named)) != len(named):
        raise StudyError(f"dataset.class_names: lists something twice: {named}")
    for name in RESERVED_CLASS_NAMES:
        if name in named:
            raise StudyError(f"dataset.class_names: iou_{name} is another metric; give the class another name")
    if dataset.classes > 1 and "mask" not in dataset.heads:
        raise StudyError(f"dataset.classes: dataset {dataset.name!r} has no mask; leave it at 1")


def _check_search(search: SearchConfig, seeds: list[int]) -> None:
    if search.lr and search.seed in seeds:
        raise StudyError(f"recipe.search.seed: {search.seed} is one of seeds; the search needs a seed of its own")
    if search.lr != sorted(set(search.lr)):
        raise StudyError(f"recipe.search.lr: list different learning rates from low to high; got {search.lr}")


def _check_recipe(recipe: RecipeConfig) -> None:
    if recipe.early_stop and recipe.keep == "last":
        raise StudyError("recipe.early_stop: waits for a better epoch, which recipe.keep last does not; set it to 0")
    if len(recipe.freeze) == len(PARTS):
        raise StudyError("recipe.freeze: all parts are frozen and nothing is left to train; leave one out")
    if "encoder" not in recipe.freeze:
        if recipe.fine_tune.epochs:
            raise StudyError("recipe.fine_tune: unfreezes a frozen encoder; add encoder to recipe.freeze")
        if recipe.cache_features:
            raise StudyError("recipe.cache_features: keeps what a frozen encoder sees; add encoder to recipe.freeze")
    if recipe.freeze and recipe.batchnorm == "recomputed":
        raise StudyError(
            "recipe.batchnorm: recomputed changes the statistics that a frozen part keeps; "
            "say -S recipe.batchnorm=running, or -S 'recipe.freeze=[]'"
        )
    if recipe.cache_features and not recipe.augmentation.flips_only:
        raise StudyError("recipe.cache_features: of recipe.augmentation only flip can be kept; turn the others off")


def _check_parent(recipe: RecipeConfig, seeds: list[int]) -> None:
    parent = recipe.parent
    if not recipe.continues:
        return
    if parent.seed in seeds:
        raise StudyError(f"recipe.parent.seed: {parent.seed} is one of seeds; the parent needs a seed of its own")
    if recipe.search.lr and parent.seed == recipe.search.seed:
        raise StudyError(f"recipe.parent.seed: {parent.seed} is recipe.search.seed; the parent needs a seed of its own")


def _check_devices(recipe: RecipeConfig) -> None:
    if recipe.batch_size % recipe.devices:
        raise StudyError(
            "recipe.batch_size: must be a multiple of recipe.devices, which get equal shares of every batch"
        )
    if recipe.devices > 1 and (recipe.fine_tune.epochs or recipe.cache_features):
        raise StudyError("recipe.devices: recipe.fine_tune and recipe.cache_features work on one device; set it to 1")
    if recipe.devices > 1 and recipe.batchnorm == "recomputed":
        raise StudyError("recipe.devices: recipe.batchnorm recomputed works on one device; set it to 1")
