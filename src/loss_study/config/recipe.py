"""The sections `model` and `recipe`: the network, and how every trial is trained."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator

from loss_study.config.fields import Name, Positive, Probability, Section, number

#: What a model is made of, and what can be frozen: see `loss_study.models`.
Part = Literal["encoder", "decoder", "head"]
PARTS: tuple[Part, ...] = ("encoder", "decoder", "head")


class ModelConfig(Section):
    name: Name
    options: dict[str, Any] = {}


class OptimizerConfig(Section):
    name: Name
    lr: Positive
    options: dict[str, Any] = {}


class SearchConfig(Section):
    """The search for the learning rate of each loss; with an empty `lr` there is none, all use `optimizer.lr`.

    Each rate in `lr` is tried for `epochs` epochs from `seed`.
    """

    lr: list[Positive]
    epochs: Annotated[int, Field(ge=1)]
    seed: Annotated[int, Field(ge=0)]


class ScheduleConfig(Section):
    name: Name
    options: dict[str, Any] = {}


class Colour(Section):
    """Random colours, as torchvision's ColorJitter draws them; 0 does not change a property.

    Brightness, contrast and saturation are multiplied by a factor between 1 - x and 1 + x; the hue is rotated by up to
    `hue`, a share of the colour circle.
    """

    brightness: Probability = 0.0
    contrast: Probability = 0.0
    saturation: Probability = 0.0
    hue: Annotated[float, PlainValidator(number), Field(ge=0, le=0.5)] = 0.0


class Augmentation(Section):
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
    crop: Annotated[float, PlainValidator(number), Field(gt=0, le=1)] = 1.0
    rotation: Annotated[float, PlainValidator(number), Field(ge=0, le=180)] = 0.0
    colour: Colour = Colour()

    @property
    def flips_only(self) -> bool:
        """Whether nothing but flips, of inputs and target together, happens to a training batch."""
        return self == Augmentation(flip=self.flip, test=self.test)


class FineTune(Section):
    """A second phase after the recipe's epochs: `epochs` more, 0 for none, at the learning rate times `lr_factor`.

    In it the last `stages` of a frozen encoder are trained as well.
    """

    epochs: Annotated[int, Field(ge=0)] = 0
    lr_factor: Annotated[float, PlainValidator(number), Field(gt=0, le=1)] = 0.1
    stages: Annotated[int, Field(ge=1)] = 1


class ParentConfig(Section):
    """The network that every loss continues from; without `epochs` there is none, and trials start from random weights.

    It is trained for `epochs` epochs with `loss`, one with a file and its default options, from `seed`, at the
    recipe's learning rate.
    """

    loss: Name = "bce"
    epochs: Annotated[int, Field(ge=0)] = 0
    seed: Annotated[int, Field(ge=0)] = 2000


class RecipeConfig(Section):
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
