"""The configuration of a study: what params.yaml may say, and which of its sections contradict each other.

`loss_study.check` then checks names, options and paths, which takes the packages that they are about.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, PlainValidator

from loss_study import rounds
from loss_study.heads import HEADS, Head
from loss_study.imported import TARGET
from loss_study.registry import validate
from loss_study.runtime.errors import StudyError, nearest
from loss_study.runtime.redaction import secrets_in, without_secrets

PARAMS = Path("params.yaml")
#: The most values in it, those that aliases repeat included.
MOST_VALUES = 100_000
#: The largest whole number in it, up or down.
LARGEST = 2**31 - 1

#: What a model is made of, and what can be frozen: see `loss_study.models`.
Part = Literal["encoder", "decoder", "head"]
PARTS: tuple[Part, ...] = ("encoder", "decoder", "head")
#: Names that no class of a mask may have, since ``iou_<name>`` is another metric.
RESERVED_CLASS_NAMES = ("dataset", "at_best", "dataset_at_best")


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("Input should be a number")
    # A whole number may be too large for a float, infinity included.
    if not -sys.float_info.max <= value <= sys.float_info.max:
        raise ValueError("Input should be finite")
    return float(value)


def _weight(value: Any) -> float | list[float]:
    weights = value if isinstance(value, list) else [value]
    for weight in weights:
        number = isinstance(weight, int | float) and not isinstance(weight, bool)
        if not (number and 0 < weight < math.inf):
            raise ValueError("Input should be a number above 0, or a list of such numbers")
    if not weights or weights != sorted(set(weights)):
        raise ValueError("Input should list different weights from low to high")
    return [float(weight) for weight in weights] if isinstance(value, list) else float(value)


Number = Annotated[float, PlainValidator(_number)]
Positive = Annotated[float, PlainValidator(_number), Field(gt=0)]
Share = Annotated[float, PlainValidator(_number), Field(gt=0, lt=1)]
Probability = Annotated[float, PlainValidator(_number), Field(ge=0, le=1)]
Weight = Annotated[Any, PlainValidator(_weight)]
Name = Annotated[str, Field(min_length=1, pattern=r"^[a-z][a-z0-9_]*$")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


class DepthTeacher(_Section):
    """A monocular depth model that predicts the depth maps of a sample; see `loss_study.sampling.depth_teacher`.

    `model` is a folder or a name on the Hugging Face hub, there at `revision`; empty: no teacher. Its input are images
    of `side` pixels, `batch_size` at a time. `predicts` says whether its large values are near or far; with auto that
    is known for the common families.
    """

    model: str = ""
    revision: str = "main"
    predicts: Literal["auto", "nearness", "distance"] = "auto"
    side: Annotated[int, Field(ge=32)] = 384
    batch_size: Annotated[int, Field(ge=1)] = 8


class DatasetConfig(_Section):
    """Where images come from.

    `path` is the file or folder that DVC watches for changes. Where it is neither a folder nor an archive, `urls` are
    fetched by `download`, each checked against the hexadecimal SHA-256 at its place in `sha256` (as many as urls, or
    none). `classes` is the number of mask logits: 1 for foreground or not, 2 and more for classes that exclude each
    other, whose names are `class_names` (as many as classes, or none). A `depth_teacher` predicts depth maps for images
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

    @property
    def title(self) -> str:
        """What reports call the data: the folder or archive that `path` is; for the path of code its name."""
        path, name = Path(self.path), str(self.options.get(TARGET, self.name)).rpartition(".")[2]
        return name if path.suffix == ".py" else path.name.split(".")[0] or name

    @property
    def heads_in_files(self) -> list[Head]:
        """The heads whose ground truth is in files: a depth teacher makes that of depth."""
        return [head for head in self.heads if head == "mask" or not self.depth_teacher.model]


class SampleConfig(_Section):
    """The packed subset: number of images, side in pixels, shares of the splits, the seed that draws it.

    Validation and test have at least `validation_images` and `test_images`, as far as the dataset has these; their
    shares of `images` may be more.

    With `folds` of 3 or more objects and backgrounds are dealt to so many parts, and the seeds of a loss take turns: of
    one seed a part is for the test, the next part for validation and all others for training. Shares and least numbers
    mean nothing then.

    Two mistakes of the original study can be repeated. `split` "order" splits the items in the order of a listing,
    whatever their backgrounds and objects; "disjoint" puts no background and no object into two splits.
    `wrong_background` looks every background up in a shuffled listing, so that nearly every image gets a wrong one.
    """

    images: Annotated[int, Field(ge=12)]
    size: Annotated[int, Field(ge=16, multiple_of=16)]
    validation: Share
    test: Share
    validation_images: Annotated[int, Field(ge=0)] = 0
    test_images: Annotated[int, Field(ge=0)] = 0
    seed: Annotated[int, Field(ge=0)]
    folds: Annotated[int, Field(ge=1)] = 1
    split: Literal["disjoint", "order"] = "disjoint"
    wrong_background: bool = False


class ModelConfig(_Section):
    name: Name
    options: dict[str, Any] = {}


class LossConfig(_Section):
    """The losses of the study.

    `names` are losses with a file ``losses/<name>.py``; `combinations` are weighted sums of such losses, whose terms
    are in ``loss_options``, see `CombinationConfig`; `imported` are losses by import path, whose ``loss_options`` say
    ``_target_``, see `loss_study.losses.shared.imported`.
    """

    names: list[Name]
    combinations: list[Name] = []
    imported: list[Name] = []
    heads: Annotated[list[Head], Field(min_length=1)]


class CombinationConfig(_Section):
    """``loss_options.<name>`` of a combination.

    `terms` are the weights, above 0, by loss: numbers, or lists from low to high that a search chooses from. `options`
    are options of terms that hold in this combination only.
    """

    terms: Annotated[dict[str, Weight], Field(min_length=1)]
    options: dict[str, dict[str, Any]] = {}


class OptimizerConfig(_Section):
    name: Name
    lr: Positive
    options: dict[str, Any] = {}


class SearchConfig(_Section):
    """The search for the learning rate of each loss; with an empty `lr` there is none, all use `optimizer.lr`.

    Each rate in `lr` is tried for `epochs` epochs from `seed`.
    """

    lr: list[Positive]
    epochs: Annotated[int, Field(ge=1)]
    seed: Annotated[int, Field(ge=0)]


class ScheduleConfig(_Section):
    name: Name
    options: dict[str, Any] = {}


class Colour(_Section):
    """Random colours, as torchvision's ColorJitter draws them; 0 does not change a property.

    Brightness, contrast and saturation are multiplied by a factor between 1 - x and 1 + x; the hue is rotated by up to
    `hue`, a share of the colour circle.
    """

    brightness: Probability = 0.0
    contrast: Probability = 0.0
    saturation: Probability = 0.0
    hue: Annotated[float, PlainValidator(_number), Field(ge=0, le=0.5)] = 0.0


class Augmentation(_Section):
    """Random changes of a training batch.

    `flip` is the probability of a left-right flip of background, image and target together; with `flip_apart` each
    input is flipped independently and the target never. `erase` is the probability that a square of an input becomes
    black. `test` changes the test split in the same way. These three are mistakes of the original study.

    `crop` is the smallest share of the image's area that a random crop keeps, enlarged to the image's size; 1 crops
    nothing. `rotation` is the largest angle in degrees, in both directions; the image is enlarged just enough that no
    empty corner is visible. Both change background, image and target together; `colour` changes background and image in
    the same way, and no target.
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


class ParentConfig(_Section):
    """The network that every loss continues from; without `epochs` there is none, and trials start from random weights.

    It is trained for `epochs` epochs with `loss`, one with a file and its default options, from `seed`, at the
    recipe's learning rate.
    """

    loss: Name = "bce"
    epochs: Annotated[int, Field(ge=0)] = 0
    seed: Annotated[int, Field(ge=0)] = 2000


class RecipeConfig(_Section):
    """How every trial is trained; `keep` says which epoch's weights are its result.

    Every trial starts from random weights, or from those of a `parent`. With `batchnorm` "recomputed" the statistics of
    BatchNorm are taken over the training images before each validation; "running" leaves the averages of the last
    steps.

    The parts of the model in `freeze` keep their weights and BatchNorm statistics. With `cache_features` the outputs of
    a frozen encoder are computed once and kept on disk, for all trials with the same encoder. `devices` is the number
    of devices that train one trial together, each on an equal share of every batch.
    """

    name: Name
    epochs: Annotated[int, Field(ge=1)]
    batch_size: Annotated[int, Field(ge=2)]
    optimizer: OptimizerConfig
    search: SearchConfig
    schedule: ScheduleConfig
    augmentation: Augmentation
    precision: Literal["auto", "float32", "bfloat16"]
    threads: Annotated[int, Field(ge=0, le=1024)]
    devices: Annotated[int, Field(ge=1)] = 1
    early_stop: Annotated[int, Field(ge=0)]
    keep: Literal["best", "last"] = "best"
    parent: ParentConfig = ParentConfig()
    batchnorm: Literal["running", "recomputed"] = "running"
    freeze: list[Part] = []
    fine_tune: FineTune = FineTune()
    cache_features: bool = False

    @property
    def all_epochs(self) -> int:
        """Number of epochs, including fine-tuning."""
        return self.epochs + self.fine_tune.epochs

    @property
    def continues(self) -> bool:
        """Whether trials continue from a parent."""
        return self.parent.epochs > 0


class Margin(_Section):
    """By how much two losses may differ and count as equivalent.

    `mask` is in IoU; `depth` is a share of the best loss's error, since errors have units.
    """

    mask: Positive = 0.02
    depth: Positive = 0.05


class CompareConfig(_Section):
    """When two losses are equivalent, and whether trials of different arithmetic are compared."""

    margin: Margin = Margin()
    mixed: bool = False


class RaceConfig(_Section):
    """The rounds of a study: after each the losses are compared, and those that are out of reach train no more.

    `rounds` are the numbers of seeds that a loss has trained with after each round, ascending. `later` are the numbers
    of all rounds but the first, `previous` the round before each of them; composition makes both, for DVC's stages.
    """

    rounds: Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1, max_length=4)] = [3, 6, 12, 20]
    later: list[int] = []
    previous: dict[str, int] = {}


class JointTraining(_Section):
    """One network with both heads: the loss of each, a loss with a file or a combination, and how they are weighed.

    `weighting` is a file of ``training/joint/weightings/``, and `weighting_options` are its options.
    """

    mask: Name
    depth: Name
    weighting: Name = "equal"
    weighting_options: dict[str, Any] = {}

    @property
    def losses(self) -> dict[Head, str]:
        """The loss of each head."""
        return {"mask": self.mask, "depth": self.depth}

    @property
    def words(self) -> str:
        """The training in a few words: ``dice + rmse, equal``."""
        return f"{self.mask} + {self.depth}, {self.weighting}"


class JointConfig(_Section):
    """The joint trainings of the study, which are ranked beside its losses on both heads; `options` has one by name."""

    names: list[Name] = []
    options: dict[str, JointTraining] = {}


class SourcesConfig(_Section):
    """The files of model, dataset and losses by import path; composition makes them, for DVC's stages.

    `losses` has ``{"head", "loss", "file"}`` for every head and loss by import path.
    """

    model: str = ""
    dataset: str = ""
    losses: dict[str, dict[str, str]] = {}


class Config(_Section):
    """All of params.yaml; `scale` is the name of the file in ``conf/scale/`` that its sizes come from."""

    notice: str = ""
    dataset: DatasetConfig
    scale: Name
    sample: SampleConfig
    model: ModelConfig
    loss: LossConfig
    loss_options: dict[str, dict[str, Any]]
    joint: JointConfig = JointConfig()
    recipe: RecipeConfig
    seeds: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]
    race: RaceConfig = RaceConfig()
    compare: CompareConfig = CompareConfig()
    sources: SourcesConfig = SourcesConfig()

    @property
    def rounds(self) -> list[list[int]]:
        """The seeds of each round, see `rounds.divide`."""
        return rounds.divide(self.seeds, self.race.rounds, len(self.candidates), self.sample.folds)

    @property
    def losses(self) -> list[str]:
        """All losses of the study: those with a file, then the combinations, then those by import path."""
        return [*self.loss.names, *self.loss.combinations, *self.loss.imported]

    def kind_of(self, loss: str) -> str:
        """Return "combination" or "imported", which DVC has stages of their own for, "" for a loss with a file."""
        if loss in self.loss.combinations:
            return "combination"
        return "imported" if loss in self.loss.imported else ""

    @property
    def candidates(self) -> list[str]:
        """All that is compared on a head: the losses, and the joint trainings."""
        return [*self.losses, *self.joint.names]

    def options_of(self, loss: str) -> dict[str, Any]:
        """Return the options of `loss`; those of a combination with the options of each of its terms.

        Raises:
            StudyError: see `combination`.
        """
        if "terms" not in self.loss_options.get(loss, {}):
            return dict(self.loss_options.get(loss, {}))
        chosen = combination(loss, self.loss_options[loss])
        return {
            "terms": chosen.terms,
            "options": {
                term: {**self.loss_options.get(term, {}), **chosen.options.get(term, {})} for term in chosen.terms
            },
        }


def combination(name: str, options: Mapping[str, Any]) -> CombinationConfig:
    """Return `options`, those of the combination `name`, checked, but not whether its terms exist.

    Raises:
        StudyError: an unknown key, a weight that is not valid, or options for a loss that is not a term.
    """
    chosen = validate(CombinationConfig, options, f"loss_options.{name}")
    for term in chosen.options:
        if term not in chosen.terms:
            raise StudyError(f"loss_options.{name}.options.{term}: no such term; {nearest(term, chosen.terms)}")
    return chosen


def open_weights(options: Mapping[str, Any]) -> dict[str, list[float]]:
    """Return the weights in the options of a loss that a search chooses from, by term; empty where there are none."""
    return {term: weight for term, weight in options.get("terms", {}).items() if isinstance(weight, list)}


def refuse_open_weights(name: str, options: Mapping[str, Any]) -> None:
    """Raise a StudyError if the loss `name` has weights to choose from, as only a search does."""
    for term, weights in open_weights(options).items():
        raise StudyError(
            f"loss_options.{name}.terms.{term}: {weights} are weights to choose from, which takes a search; "
            f"say -S recipe=tuned, or -S loss_options.{name}.terms.{term}={weights[0]:g}"
        )


def with_weights(options: Mapping[str, Any], weights: Mapping[str, float]) -> dict[str, Any]:
    """Return the `options` of any loss with these `weights`, by term, in the place of its own."""
    return {**options, "terms": {**options["terms"], **weights}} if weights else dict(options)


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested mappings as one with dotted names: ``{"terms.dice": 1.0, "options.dice.smooth": 1.0}``."""
    result: dict[str, Any] = {}
    for name, value in values.items():
        result |= flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return result


def load_config(path: Path = PARAMS) -> Config:
    """Read and check params.yaml.

    Raises:
        StudyError: unreadable file, unknown key, wrong type, value out of range, or sections that contradict
            each other; the message names the key.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StudyError(f"{path}: no such file; run in the project's root, or create it with 'make params'") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise StudyError(f"{path}: not valid YAML: {error}") from None
    except RecursionError:
        raise StudyError(f"{path}: sections within sections without end; create it again with 'make params'") from None
    if not isinstance(values, dict):
        raise StudyError(f"{path}: should hold a mapping of sections; create it again with 'make params'")
    _refuse_bombs(values, path)
    return checked(values)


def checked(values: dict[str, Any]) -> Config:
    """Return `values`, those of params.yaml, as a configuration; StudyError as `load_config`."""
    _refuse_secrets(values)
    _refuse_large_numbers(values)
    config = validate(Config, values, "")
    _check_consistent(config)
    return config


def _refuse_bombs(values: dict[str, Any], path: Path) -> None:
    """A few lines of YAML with aliases can stand for more values than fit into memory."""
    waiting: list[Any] = [values]
    for _ in range(MOST_VALUES):
        if not waiting:
            return
        value = waiting.pop()
        waiting += value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    raise StudyError(f"{path}: stands for more than {MOST_VALUES:,} values; write them out without aliases")


def _refuse_large_numbers(values: dict[str, Any]) -> None:
    """Neither PyTorch nor NumPy takes them everywhere."""
    for key, value in flat(values).items():
        numbers = value if isinstance(value, list) else [value]
        if any(isinstance(number, int) and abs(number) > LARGEST for number in numbers):
            raise StudyError(f"{key}: a number beyond {LARGEST:,}; choose a smaller one")


def _refuse_secrets(values: dict[str, Any]) -> None:
    """params.yaml goes into git, ``dvc.lock`` and MLflow."""
    for key, address in secrets_in(values):
        raise StudyError(
            f"{key}: {without_secrets(address)} holds a password or a token, which would be kept in git; put user and "
            "password into ~/.netrc, or fetch the file yourself and set dataset.path"
        )


def _check_consistent(config: Config) -> None:
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
