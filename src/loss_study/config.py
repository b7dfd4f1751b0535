"""The study's parameters: what params.yaml may say, checked before any work starts."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, PlainValidator

from loss_study.registry import validate
from loss_study.runtime.errors import StudyError
from loss_study.runtime.redaction import secrets_in, without_secrets

PARAMS = Path("params.yaml")

Head = Literal["mask", "depth"]
HEADS: tuple[Head, ...] = ("mask", "depth")
#: What a model is made of, and what can be frozen: see `loss_study.models`.
Part = Literal["encoder", "decoder", "head"]
PARTS: tuple[Part, ...] = ("encoder", "decoder", "head")
#: Names that no class of a mask may have, since ``iou_<name>`` is another metric.
RESERVED_CLASS_NAMES = ("dataset", "at_best", "dataset_at_best")


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("Input should be a number")
    if not math.isfinite(value):
        raise ValueError("Input should be finite")
    return float(value)


Number = Annotated[float, PlainValidator(_number)]
Positive = Annotated[float, PlainValidator(_number), Field(gt=0)]
Share = Annotated[float, PlainValidator(_number), Field(gt=0, lt=1)]
Probability = Annotated[float, PlainValidator(_number), Field(ge=0, le=1)]
Name = Annotated[str, Field(min_length=1, pattern=r"^[a-z][a-z0-9_]*$")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


class DepthTeacher(_Section):
    """A monocular depth model that makes the depth maps in `sample`; see `loss_study.data.depth_teacher`.

    `model` is a folder or a name on the Hugging Face hub, there at `revision`; empty, there is no teacher. It sees
    pictures of `side` pixels, `batch_size` at a time. `predicts` says whether its large values are near or far; auto
    knows that of the common families.
    """

    model: str = ""
    revision: str = "main"
    predicts: Literal["auto", "nearness", "distance"] = "auto"
    side: Annotated[int, Field(ge=32)] = 384
    batch_size: Annotated[int, Field(ge=1)] = 8


class DatasetConfig(_Section):
    """Where pictures come from.

    `path` is the file or folder that DVC watches for changes. Where it is neither a folder nor an archive, `urls` are
    fetched by `download`, each checked against the hexadecimal SHA-256 at its place in `sha256` (as many as urls, or
    none). `classes` is the number of mask logits: 1 for foreground or not, 2 and more for classes that exclude each
    other, whose names are `class_names` (as many as classes, or none). A `depth_teacher` makes depth maps for pictures
    that have none.
    """

    name: Name
    path: Annotated[str, Field(min_length=1)]
    urls: list[str] = []
    sha256: list[Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]] = []
    heads: Annotated[list[Head], Field(min_length=1)]
    classes: Annotated[int, Field(ge=1, le=255)] = 1
    class_names: list[Name] = []
    depth_teacher: DepthTeacher = DepthTeacher()
    options: dict[str, Any] = {}


class ScaleConfig(_Section):
    """The sizes that `conf/scale/` names; the other sections take their numbers from here."""

    name: Name
    images: int
    size: int
    epochs: int
    search_epochs: int
    batch_size: int
    width: int
    threads: int


class SampleConfig(_Section):
    """The packed subset: number of images, side in pixels, shares of the splits, the draw's own seed.

    Two mistakes of the original study can be made on purpose. `split` "order" deals the items in the order of a listing
    without regard to backgrounds and cut-outs, where "disjoint" puts none of these into two splits. `wrong_background`
    looks every background up in a shuffled listing, so that nearly every picture gets another one's.
    """

    images: Annotated[int, Field(ge=12)]
    size: Annotated[int, Field(ge=16, multiple_of=16)]
    validation: Share
    test: Share
    seed: Annotated[int, Field(ge=0)]
    split: Literal["disjoint", "order"] = "disjoint"
    wrong_background: bool = False


class ModelConfig(_Section):
    name: Name
    options: dict[str, Any] = {}


class LossConfig(_Section):
    names: Annotated[list[Name], Field(min_length=1)]
    heads: Annotated[list[Head], Field(min_length=1)]


class OptimizerConfig(_Section):
    name: Name
    lr: Positive
    options: dict[str, Any] = {}


class SearchConfig(_Section):
    """The search for each loss's own learning rate; an empty `lr` is no search, `optimizer.lr` holds for all.

    `epochs` and `seed` are those of the search's trainings. `losses` and `protocols` are for ``dvc.yaml``, which cannot
    tell by itself whether there is a search: the losses that have one, and the folder of what decides their trainings.
    """

    lr: list[Positive]
    losses: Annotated[list[str], Field(exclude=True)] = []
    protocols: Annotated[Literal["data/protocol/train", "tuning"], Field(exclude=True)] = "data/protocol/train"
    epochs: Annotated[int, Field(ge=1)]
    seed: Annotated[int, Field(ge=0)]


class ScheduleConfig(_Section):
    name: Name
    options: dict[str, Any] = {}


class Colour(_Section):
    """Random colours, as torchvision's ColorJitter draws them; 0 leaves a property alone.

    Brightness, contrast and saturation are multiplied with a factor between 1 - x and 1 + x; the hue turns by up to
    `hue`, a share of the colour circle.
    """

    brightness: Probability = 0.0
    contrast: Probability = 0.0
    saturation: Probability = 0.0
    hue: Annotated[float, PlainValidator(_number), Field(ge=0, le=0.5)] = 0.0


class Augmentation(_Section):
    """Random changes of a training batch.

    `flip` is the probability of a left-right flip of background, picture and target together; with `flip_apart` each
    input is flipped on its own and the target never. `erase` is the probability that a square of an input turns black.
    `test` changes the test split in the same way. These three are mistakes of the original study.

    `crop` is the least share of the picture's area that a random crop keeps, enlarged to the picture's size; 1 crops
    nothing. `rotation` is the largest angle in degrees, either way; the picture is enlarged just enough that no empty
    corner comes into view. Both move background, picture and target together; `colour` changes background and picture
    alike, and no target.
    """

    flip: Probability
    flip_apart: bool = False
    erase: Probability = 0.0
    test: bool = False
    crop: Annotated[float, PlainValidator(_number), Field(gt=0, le=1)] = 1.0
    rotation: Annotated[float, PlainValidator(_number), Field(ge=0, le=180)] = 0.0
    colour: Colour = Colour()

    @property
    def flips_only(self) -> bool:
        """Whether nothing but flips, of inputs and target together, happens to a training batch."""
        return self == Augmentation(flip=self.flip, test=self.test)


class FineTune(_Section):
    """A second phase after the recipe's epochs: `epochs` more, 0 for none, at the learning rate times `lr_factor`.

    In it the last `stages` of a frozen encoder are trained as well.
    """

    epochs: Annotated[int, Field(ge=0)] = 0
    lr_factor: Annotated[float, PlainValidator(_number), Field(gt=0, le=1)] = 0.1
    stages: Annotated[int, Field(ge=1)] = 1


class RecipeConfig(_Section):
    """How every trial is trained; `keep` says which epoch's weights are its result.

    The parts of the model in `freeze` keep their weights and BatchNorm statistics. With `cache_features` the outputs of
    a frozen encoder are computed once and kept on disk, for all trials that have the same encoder. `devices` train one
    trial together, each on an equal share of every batch.
    """

    name: Name
    epochs: Annotated[int, Field(ge=1)]
    batch_size: Annotated[int, Field(ge=2)]
    optimizer: OptimizerConfig
    search: SearchConfig
    schedule: ScheduleConfig
    augmentation: Augmentation
    precision: Literal["auto", "float32", "bfloat16"]
    threads: Annotated[int, Field(ge=0)]
    devices: Annotated[int, Field(ge=1)] = 1
    early_stop: Annotated[int, Field(ge=0)]
    keep: Literal["best", "last"] = "best"
    freeze: list[Part] = []
    fine_tune: FineTune = FineTune()
    cache_features: bool = False

    @property
    def all_epochs(self) -> int:
        """Number of epochs, those of the fine-tuning included."""
        return self.epochs + self.fine_tune.epochs


class Config(_Section):
    """All of params.yaml."""

    notice: str = ""
    dataset: DatasetConfig
    scale: ScaleConfig
    sample: SampleConfig
    model: ModelConfig
    loss: LossConfig
    loss_options: dict[str, dict[str, Any]]
    recipe: RecipeConfig
    seeds: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]


def load_config(path: Path = PARAMS) -> Config:
    """Read and check params.yaml.

    Raises:
        StudyError: unreadable file, unknown key, wrong type, value out of range, or sections that contradict
            each other; the message names the key.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StudyError(f"{path}: no such file; run in the project's root, or make it with 'make params'") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise StudyError(f"{path}: not valid YAML: {error}") from None
    if not isinstance(values, dict):
        raise StudyError(f"{path}: should hold a mapping of sections; make it again with 'make params'")
    _refuse_secrets(values)
    config = validate(Config, values, "")
    _check_consistent(config)
    return config


def _refuse_secrets(values: dict[str, Any]) -> None:
    """params.yaml goes into git, ``dvc.lock`` and MLflow."""
    for key, address in secrets_in(values):
        raise StudyError(
            f"{key}: {without_secrets(address)} holds a password or a token, which would be kept in git; put user and "
            "password into ~/.netrc, or fetch the file yourself and set dataset.path"
        )


def _check_consistent(config: Config) -> None:
    sample, loss = config.sample, config.loss
    if sample.validation + sample.test >= 1:
        raise StudyError("sample.validation + sample.test: must leave a share for training; lower one of them")
    for key, values in (
        ("loss.names", loss.names),
        ("loss.heads", loss.heads),
        ("seeds", config.seeds),
        ("recipe.freeze", config.recipe.freeze),
    ):
        if len(set(values)) != len(values):
            raise StudyError(f"{key}: names something twice: {values}")
    for name in loss.names:
        if name not in config.loss_options:
            raise StudyError(f"loss_options.{name}: missing; add it, {{}} for the defaults (see conf/loss/{name}.yaml)")
    _check_heads(loss, config.dataset)
    _check_classes(config.dataset)
    _check_search(config.recipe.search, config.seeds, config.loss.names)
    _check_recipe(config.recipe)
    _check_devices(config.recipe)


def _check_heads(loss: LossConfig, dataset: DatasetConfig) -> None:
    for head in loss.heads:
        if head not in dataset.heads:
            raise StudyError(
                f"loss.heads: data set {dataset.name!r} has no {head}; choose loss.heads=[{','.join(dataset.heads)}]"
            )


def _check_classes(dataset: DatasetConfig) -> None:
    named = dataset.class_names
    if named and len(named) != dataset.classes:
        raise StudyError(f"dataset.class_names: {len(named)} names for {dataset.classes} classes; give one each")
    if len(set(named)) != len(named):
        raise StudyError(f"dataset.class_names: names something twice: {named}")
    for name in RESERVED_CLASS_NAMES:
        if name in named:
            raise StudyError(f"dataset.class_names: iou_{name} is another metric; give the class another name")
    if dataset.classes > 1 and "mask" not in dataset.heads:
        raise StudyError(f"dataset.classes: data set {dataset.name!r} has no mask; leave it at 1")


def _check_search(search: SearchConfig, seeds: list[int], losses: list[str]) -> None:
    if search.lr and search.seed in seeds:
        raise StudyError(f"recipe.search.seed: {search.seed} is one of seeds; the search needs a seed of its own")
    if search.lr != sorted(set(search.lr)):
        raise StudyError(f"recipe.search.lr: list different learning rates from low to high; got {search.lr}")
    if search.losses != (losses if search.lr else []):
        expected = f"[{','.join(losses)}], as loss.names" if search.lr else "[], as there is no recipe.search.lr"
        raise StudyError(f"recipe.search.losses: must be {expected}; -S recipe=... and -S loss.names=... see to that")
    if (search.protocols == "tuning") != bool(search.lr):
        raise StudyError(
            f"recipe.search.protocols: must be {'tuning' if search.lr else 'data/protocol/train'} with this "
            "recipe.search.lr; -S recipe=fixed or -S recipe=tuned sees to that"
        )


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
    if recipe.cache_features and not recipe.augmentation.flips_only:
        raise StudyError("recipe.cache_features: of recipe.augmentation only flip can be kept; turn the others off")


def _check_devices(recipe: RecipeConfig) -> None:
    if recipe.batch_size % recipe.devices:
        raise StudyError("recipe.batch_size: must be a multiple of recipe.devices, which share every batch equally")
    if recipe.devices > 1 and (recipe.fine_tune.epochs or recipe.cache_features):
        raise StudyError("recipe.devices: recipe.fine_tune and recipe.cache_features work on one device; set it to 1")
