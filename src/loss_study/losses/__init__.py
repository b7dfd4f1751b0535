"""Losses: one file each, chosen by name.

A file ``losses/<name>.py`` holds one function ``loss(logits, target, *, <options>)``. It is given raw logits and a
target in [0, 1], both float32 (N, C, H, W), and returns one value per image, (N,). With C = 1, the depth or the mask of
one class, the prediction is ``sigmoid(logits)``; with more it is the softmax over C, and the target is one-hot.
`loss_study.pixels` has what most losses need of that.

The first paragraph of the file's docstring says for people what the loss does; the report shows it. More is optional:

- a keyword-only argument ``valid: Tensor | None = None`` of ``loss``, which is no option: float (N, 1, H, W), 1 where a
  pixel has a truth and 0 where it has none and must not count. A loss without it is refused where truths have gaps;
- ``HEADS``, the heads that it makes sense on, as a literal; without it both;
- ``MULTICLASS = True``, a literal as well: the loss takes C >= 2; without it such a mask is refused;
- ``NOTES``, what a reader of the results should know, by head ("classes": a mask of several), as a literal;
- ``resolve(options, *, statistics)``, for options that depend on the training split (`TargetStatistics`);
- ``output(*, <options>)``, where the prediction may be something else than sigmoid or softmax.

A name without a file whose options have ``terms`` is a weighted sum of such losses: see `loss_study.combination`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

import torch

from loss_study import combination, registry
from loss_study.config import HEADS
from loss_study.losses._pixels import probability
from loss_study.runtime.errors import StudyError, nearest

if TYPE_CHECKING:
    from loss_study.data.packed import PackedSample

PACKAGE = __name__

#: The argument of a loss that is no option: where pixels have a truth.
VALID = "valid"


class LossFunction(Protocol):
    """What `build` returns."""

    def __call__(
        self, logits: torch.Tensor, target: torch.Tensor, valid: torch.Tensor | None = None, /
    ) -> torch.Tensor:
        """Return one value per image, float32 (N,)."""
        ...


@dataclass(frozen=True)
class TargetStatistics:
    """What a loss may know of the training split's targets, over those pixels that have a truth.

    `mean` is the mean of the target in [0, 1], over classes as well where there are several; `class_shares` are the
    shares of the pixels that each class has, (1 - mean, mean) for a mask of one class and for the depth.
    """

    mean: float
    class_shares: tuple[float, ...]

    @classmethod
    def of(cls, sample: PackedSample, head: str) -> TargetStatistics:
        """Return the statistics of `head` in `sample`."""
        if head == "mask" and sample.classes > 1:
            return cls(1 / sample.classes, tuple(sample.statistics["class_shares"]))
        mean = sample.statistics[f"{head}_mean"]
        return cls(mean, (1 - mean, mean))


@dataclass(frozen=True)
class Output:
    """How a network's raw output becomes a prediction in [0, 1], and the raw output that gives a prediction."""

    predict: Callable[[torch.Tensor], torch.Tensor]
    invert: Callable[[torch.Tensor], torch.Tensor]


#: Sigmoid, or softmax for several classes; `invert` is that of the sigmoid.
PROBABILITY = Output(predict=probability, invert=torch.logit)
CLAMPED = Output(predict=lambda raw: raw.clamp(0, 1), invert=lambda prediction: prediction)


def names() -> list[str]:
    """Return the names that ``loss.names`` may take."""
    return registry.names(PACKAGE)


def check(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return `options` with defaults filled in; StudyError for an unknown loss or option.

    Those of a combination are those that `combination.options_of` returns; a weight may still be a list.
    """
    if combination.is_one(options):
        return _check_combination(name, options)
    module = _load(name)
    return registry.check_options(f"loss_options.{name}", module.loss, options, but=(VALID,))


def _check_combination(name: str, options: dict[str, Any]) -> dict[str, Any]:
    if name in names():
        raise StudyError(f"loss_options.{name}.terms: {name} is a loss of its own; name the combination otherwise")
    described = combination.read(name, options)
    for term in described.terms:
        if term not in names():
            raise StudyError(f"loss_options.{name}.terms.{term}: unknown loss {term!r}: {nearest(term, names())}")
    return {
        "terms": dict(described.terms),
        "options": {term: check(term, described.options.get(term, {})) for term in described.terms},
    }


def check_fit(name: str, options: dict[str, Any], head: str, *, classes: int = 1, gaps: bool = False) -> None:
    """Refuse a loss that cannot teach what it is asked to.

    Args:
        options: as for `check`.
        classes: the mask's; the depth is one.
        gaps: whether some pixels of the head have no truth.

    Raises:
        StudyError: the loss makes no sense on this head, or cannot take several classes or pixels without a truth.
    """
    for loss in combination.losses_of(name, options):
        _check_fit(_load(loss), loss if loss == name else f"{loss}, a term of {name},", head, classes, gaps)


def _check_fit(module: ModuleType, words: str, head: str, classes: int, gaps: bool) -> None:
    heads = getattr(module, "HEADS", HEADS)
    if head not in heads:
        raise StudyError(
            f"loss.names: {words} makes no sense on the {head} head; choose loss.heads=[{','.join(heads)}]"
        )
    if head == "mask" and classes > 1 and not _multiclass(module):
        able = _those(_multiclass)
        raise StudyError(
            f"loss.names: {words} takes a mask of one class, dataset.classes is {classes}; choose from {able}"
        )
    if gaps and not _takes_valid(module):
        able = _those(_takes_valid)
        raise StudyError(f"loss.names: {words} cannot leave out pixels without a true {head}; choose from {able}")


def build(name: str, **options: Any) -> LossFunction:
    """Return the loss `name` as a callable ``(logits, target, valid=None) -> values``.

    The first two are (N, C, H, W), `target` in [0, 1]; `valid` is (N, 1, H, W), see above. The values are float32 (N,),
    computed in float32 whatever the dtype of `logits` and the autocast around the call.

    Raises:
        StudyError: unknown loss, unknown option, or a value out of range.
        ValueError: in the call, if shapes do not fit, or the loss does not take several classes or `valid`.
    """
    checked = check(name, options)
    if combination.is_one(checked):
        return _weighted_sum(name, **checked)
    module = _load(name)

    def loss(logits: torch.Tensor, target: torch.Tensor, valid: torch.Tensor | None = None) -> torch.Tensor:
        _check_shapes(module, logits, target, valid)
        gaps = {} if valid is None else {VALID: _at_least_float32(valid)}
        with torch.autocast(logits.device.type, enabled=False):
            return module.loss(_at_least_float32(logits), _at_least_float32(target), **gaps, **checked)

    loss.__name__ = name
    return loss


def _weighted_sum(name: str, *, terms: dict[str, Any], options: dict[str, dict[str, Any]]) -> LossFunction:
    combination.refuse_open_weights(name, {"terms": terms})
    functions = {term: build(term, **options[term]) for term in terms}

    def loss(logits: torch.Tensor, target: torch.Tensor, valid: torch.Tensor | None = None) -> torch.Tensor:
        return sum(weight * functions[term](logits, target, valid) for term, weight in terms.items())

    loss.__name__ = name
    return loss


def resolve(name: str, options: dict[str, Any], *, statistics: TargetStatistics) -> dict[str, Any]:
    """Return checked `options` with everything that depends on the data made a number, ready for `build`.

    Raises:
        StudyError: unknown loss or option, or an option that these statistics leave undefined.
    """
    checked = check(name, options)
    if combination.is_one(checked):
        of_terms = {term: resolve(term, of_term, statistics=statistics) for term, of_term in checked["options"].items()}
        return {**checked, "options": of_terms}
    module = _load(name)
    return module.resolve(checked, statistics=statistics) if hasattr(module, "resolve") else checked


def output(name: str, **options: Any) -> Output:
    """Return how the raw output of a network trained with the loss `name` becomes a prediction; StudyError as `check`.

    It is the sigmoid, or the softmax for several classes, unless the loss says otherwise. All terms of a combination
    must say the same.
    """
    checked = check(name, options)
    if combination.is_one(checked):
        outputs = {term: output(term, **of_term) for term, of_term in checked["options"].items()}
        if len(set(outputs.values())) > 1:
            raise StudyError(f"loss_options.{name}.terms: {', '.join(outputs)} read the network's output differently")
        return next(iter(outputs.values()))
    module = _load(name)
    return module.output(**checked) if hasattr(module, "output") else PROBABILITY


def _load(name: str) -> ModuleType:
    return registry.load("loss", PACKAGE, name)


def _multiclass(module: ModuleType) -> bool:
    return getattr(module, "MULTICLASS", False)


def _takes_valid(module: ModuleType) -> bool:
    return VALID in inspect.signature(module.loss).parameters


def _those(able: Callable[[ModuleType], bool]) -> str:
    return ", ".join(name for name in names() if able(_load(name)))


def _check_shapes(module: ModuleType, logits: torch.Tensor, target: torch.Tensor, valid: torch.Tensor | None) -> None:
    name, channels = module.__name__.rpartition(".")[2], "C" if _multiclass(module) else "1"
    if logits.shape != target.shape or logits.ndim != 4 or (logits.shape[1] != 1 and not _multiclass(module)):
        shapes = f"logits {tuple(logits.shape)} and target {tuple(target.shape)}"
        raise ValueError(f"{name}: {shapes} must be (N, {channels}, H, W)")
    if valid is not None and not _takes_valid(module):
        raise ValueError(f"{name}: cannot leave out pixels without a truth")
    if valid is not None and valid.shape != target[:, :1].shape:
        raise ValueError(f"{name}: valid {tuple(valid.shape)} must be (N, 1, H, W) like target {tuple(target.shape)}")


def _at_least_float32(tensor: torch.Tensor) -> torch.Tensor:
    """Float64 stays, so that gradients can be checked; everything else becomes float32."""
    return tensor if tensor.dtype == torch.float64 else tensor.float()
