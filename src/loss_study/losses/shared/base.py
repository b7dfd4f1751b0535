"""What a loss is: a function that gives one value per image, and what one has to know to use it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any, Literal

import torch
from torch import Tensor

from loss_study.choices import registry
from loss_study.heads import HEADS, Head
from loss_study.losses.shared.pixels import probability
from loss_study.runtime.errors import StudyError

PACKAGE = "loss_study.losses"
#: The keyword-only argument of a loss function that is not an option: 1 where a pixel is valid, else 0.
VALID = "valid"

#: What a loss is used on: a mask of one class, a mask of several classes, a depth map.
Case = Literal["mask", "classes", "depth"]
CASES: tuple[Case, ...] = ("mask", "classes", "depth")


@dataclass(frozen=True)
class TargetStatistics:
    """What a loss may know of the valid pixels of the training split.

    `mean` is the mean of the target in [0, 1], over classes too where there are several; `class_shares` are the shares
    of the pixels that each class has, (1 - mean, mean) for a mask of one class and for depth.
    """

    mean: float
    class_shares: tuple[float, ...]
    #: Number of logits per pixel.
    classes: int = 1

    @classmethod
    def of(cls, statistics: Mapping[str, Any], head: str, classes: int) -> TargetStatistics:
        """Return those of `head` from the `statistics` of a packed sample whose mask has `classes` classes."""
        if head == "mask" and classes > 1:
            return cls(1 / classes, tuple(statistics["class_shares"]), classes)
        mean = statistics[f"{head}_mean"]
        return cls(mean, (1 - mean, mean))


@dataclass(frozen=True)
class Output:
    """How a network's raw output becomes a prediction in [0, 1], and the raw output that gives a prediction."""

    predict: Callable[[Tensor], Tensor]
    invert: Callable[[Tensor], Tensor]


#: Sigmoid, or softmax for several classes; `invert` is that of the sigmoid.
PROBABILITY = Output(predict=probability, invert=torch.logit)
CLAMPED = Output(predict=lambda raw: raw.clamp(0, 1), invert=lambda prediction: prediction)


@dataclass(frozen=True, eq=False)
class Loss:
    """A loss. Its file declares one with default options, `losses.load` returns one with the options of a study.

    Called with logits and target (N, C, H, W), the target in [0, 1], and optionally `valid` (N, 1, H, W), it returns
    one value per image, (N,). It computes in float32 whatever the dtype of its arguments and the autocast around the
    call; float64 stays float64, so that gradients can be checked.

    Attributes:
        function: the values, ``function(logits, target, *, <options>)``; its keyword-only arguments are the options,
            but for ``valid: Tensor | None = None``. A loss without `valid` is refused where pixels are invalid.
        heads: the heads that the loss makes sense on.
        multiclass: whether it takes C >= 2, a mask of several classes that exclude each other.
        minimised_by_target: where no prediction has a lower value than the ground truth (masks of zeros and ones).
        notes: what a reader of the results should know, by case.
        resolve_options: ``(options, statistics) -> options``, for options that depend on the training split.
        output_of: ``(*, <options>) -> Output``, where the prediction may be something else than sigmoid or softmax.
        options: checked options; empty: the defaults of `function`.
        name: that of the file, or of the combination; set by `losses.load`, as is the next one.
        summary: what the loss does, in one sentence: the first paragraph of the file's docstring.
        terms: the losses that a combination consists of, else empty.
    """

    function: Callable[..., Tensor]
    _: KW_ONLY
    heads: tuple[Head, ...] = HEADS
    multiclass: bool = False
    minimised_by_target: tuple[Case, ...] = CASES
    notes: Mapping[Case, str] = field(default_factory=dict)
    resolve_options: Callable[[Mapping[str, Any], TargetStatistics], dict[str, Any]] | None = None
    output_of: Callable[..., Output] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    summary: str = ""
    terms: tuple[Loss, ...] = ()

    def __call__(self, logits: Tensor, target: Tensor, valid: Tensor | None = None) -> Tensor:
        """Return one value per image, (N,).

        Raises:
            StudyError: an option that does not suit the images, such as a window larger than they are.
            ValueError: shapes that do not fit, or the loss does not take several classes or `valid`.
        """
        self._check_shapes(logits, target, valid)
        # Each term of a combination converts the logits by itself, so that its gradient is what it is alone.
        convert = (lambda tensor: tensor) if self.terms else _at_least_float32
        where = {} if valid is None else {VALID: convert(valid)}
        with torch.autocast(logits.device.type, enabled=False):
            return self.function(convert(logits), convert(target), **where, **self.options)

    @property
    def takes_valid(self) -> bool:
        """Whether the loss can leave out invalid pixels."""
        return all(VALID in inspect.signature(term.function).parameters for term in self.terms or [self])

    @property
    def output(self) -> Output:
        """How the raw output of a network trained with this loss becomes a prediction."""
        return self.output_of(**self.options) if self.output_of else PROBABILITY

    def with_options(self, options: Mapping[str, Any]) -> Loss:
        """Return the loss with `options`, checked and completed with the defaults.

        Raises:
            StudyError: an unknown option, or a value of a wrong type or out of range; the message names the key.
        """
        where = f"loss_options.{self.name}"
        return replace(self, options=registry.check_options(where, self.function, options, but=(VALID,)))

    def given(self, options: Mapping[str, Any]) -> Loss:
        """Return the loss with `options` that have been checked and completed."""
        return replace(self, options=options)

    def resolve(self, statistics: TargetStatistics) -> Loss:
        """Return the loss with numbers in the place of all options that depend on the training split.

        Raises:
            StudyError: an option that these statistics leave undefined.
        """
        return replace(self, options=self.resolve_options(self.options, statistics)) if self.resolve_options else self

    def check_fit(self, head: str, *, classes: int = 1, invalid: bool = False, key: str = "loss.names") -> None:
        """Refuse a loss that cannot be trained with.

        Args:
            key: of params.yaml that the loss is named at, if it is no combination.
            classes: number of classes of the mask; ignored for depth.
            invalid: whether some pixels of the head are invalid.

        Raises:
            StudyError: the loss makes no sense on this head, or cannot take several classes or leave out invalid
                pixels.
        """
        for term in self.terms:
            term._check_fit(f"loss.combinations: {term.name}, a term of {self.name},", head, classes, invalid=invalid)
        if not self.terms:
            self._check_fit(f"{key}: {self.name}", head, classes, invalid=invalid)

    def _check_fit(self, words: str, head: str, classes: int, *, invalid: bool) -> None:
        if head not in self.heads:
            raise StudyError(f"{words} makes no sense on the {head} head; choose loss.heads=[{','.join(self.heads)}]")
        if head == "mask" and classes > 1 and not self.multiclass:
            able = ", ".join(loss.name for loss in all_with_a_file() if loss.multiclass)
            raise StudyError(f"{words} takes a mask of one class, dataset.classes is {classes}; choose from {able}")
        if invalid and not self.takes_valid:
            able = ", ".join(loss.name for loss in all_with_a_file() if loss.takes_valid)
            raise StudyError(f"{words} cannot leave out the invalid pixels of the {head}; choose from {able}")

    def _check_shapes(self, logits: Tensor, target: Tensor, valid: Tensor | None) -> None:
        channels = "C" if self.multiclass else "1"
        if logits.shape != target.shape or logits.ndim != 4 or (logits.shape[1] != 1 and not self.multiclass):
            shapes = f"logits {tuple(logits.shape)} and target {tuple(target.shape)}"
            raise ValueError(f"{self.name}: {shapes} must be (N, {channels}, H, W)")
        if valid is not None and not self.takes_valid:
            raise ValueError(f"{self.name}: cannot leave out invalid pixels")
        if valid is not None and valid.shape != target[:, :1].shape:
            shapes = f"valid {tuple(valid.shape)} must be (N, 1, H, W) like target {tuple(target.shape)}"
            raise ValueError(f"{self.name}: {shapes}")


def names() -> list[str]:
    """Return the names of all losses with a file, those that ``loss.names`` may list."""
    return registry.names(PACKAGE)


def with_a_file(name: str) -> Loss:
    """Return the loss that ``losses/<name>.py`` declares; StudyError if there is no such file or no loss in it."""
    module = registry.load("loss", PACKAGE, name)
    loss = getattr(module, "LOSS", None)
    if not isinstance(loss, Loss):
        raise StudyError(f"losses/{name}.py: declares no loss; end it with LOSS = Loss(<function>)")
    summary = " ".join((inspect.getdoc(module) or "").split("\n\n")[0].split())
    return replace(loss, name=name, summary=summary)


def all_with_a_file() -> Iterator[Loss]:
    """Yield every loss with a file, by name."""
    return map(with_a_file, names())


def _at_least_float32(tensor: Tensor) -> Tensor:
    return tensor if tensor.dtype == torch.float64 else tensor.float()
