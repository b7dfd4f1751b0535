"""Losses by import path: whatever a library calls a loss, called in the way it wants, with one value per image.

.. code:: yaml

    loss_options:
      mine: {_target_: segmentation_models_pytorch.losses.DiceLoss, mode: binary}

A class is made with its arguments; a function is the loss itself. Libraries differ in what a loss is given and in what
it returns. What it wants is found by trying it on a few small images (`User.convention`), or said by three keys:

- ``_prediction_``: "logits", or "probability": their sigmoid, for several classes softmax. For losses that know masks
  of one class only as two classes, "two_logits" and "two_probabilities", the background first.
- ``_ground_truth_``: "shares", float of the shape of the prediction; "numbers" of the classes, int64 (N, H, W); or
  "channel", the same as (N, 1, H, W).
- ``_values_``: "own": it returns one value per image or more; "none": it does with ``reduction="none"``; "images": it
  returns the mean of a batch, and is called for one image after the other; "batch": it is called once for a batch,
  whose mean stands for each of its images.

A loss whose call takes ``valid`` is given it: 1 where a pixel is valid, else 0, (N, 1, H, W).
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn

from loss_study.choices import imported
from loss_study.losses.shared.base import VALID, Loss, TargetStatistics
from loss_study.losses.shared.pixels import probability
from loss_study.runtime.errors import StudyError

PREDICTIONS = ("logits", "probability", "two_logits", "two_probabilities")
GROUND_TRUTHS = ("shares", "numbers", "channel")
VALUES = ("own", "none", "images", "batch")
AUTO = "auto"
#: The keys that say how a loss is called, and what they may be.
KEYS = {
    "_prediction_": (AUTO, *PREDICTIONS),
    "_ground_truth_": (AUTO, *GROUND_TRUTHS),
    "_values_": (AUTO, *VALUES),
}
#: Images that a loss is tried on: a number that no batch has of classes.
IMAGES, SIDE = 5, 64
#: Logits of predictions that are more and more sure.
SURE = (2.0, 4.0, 8.0)


@dataclass(frozen=True)
class Convention:
    """How a loss is called, see above."""

    prediction: str
    ground_truth: str
    values: str = "images"

    @property
    def options(self) -> dict[str, str]:
        """The keys that say so."""
        return dict(zip(KEYS, (self.prediction, self.ground_truth, self.values), strict=True))


class UnfitError(Exception):
    """A loss does not work when it is called in some way; the message says what it does."""


def load(name: str, options: Mapping[str, Any]) -> Loss:
    """Return the loss that ``_target_`` in `options` names, called `name` in the study.

    Raises:
        StudyError: it cannot be imported or made; the message names it.
    """
    key = f"loss_options.{name}"
    imported.refuse_unknown(key, options, KEYS)
    options = dict.fromkeys(KEYS, AUTO) | dict(options)
    user = User(key, options)
    function = user.with_valid if user.takes_valid else user.without_valid
    return Loss(
        function,
        multiclass=True,
        minimised_by_target=(),
        options=options,
        resolve_options=partial(_resolve, user),
        name=name,
        summary=f"{imported.title(options)}{_in_words(options)}: {_first_paragraph(user.found)}",
    )


def _in_words(options: Mapping[str, Any]) -> str:
    words = ", ".join(f"{name}={value!r}" for name, value in options.items() if not name.startswith("_"))
    return f"({words})" if words else ""


def _first_paragraph(found: Any) -> str:
    # Its own, not that of a class which it is derived from.
    words = " ".join(inspect.cleandoc(getattr(found, "__doc__", None) or "").split("\n\n")[0].split())
    return words or "it has no description."


def _resolve(user: User, options: Mapping[str, Any], statistics: TargetStatistics) -> dict[str, Any]:
    """Put what was found in the place of "auto"."""
    found = user.convention(statistics.classes).options
    return {name: found[name] if name in KEYS and value == AUTO else value for name, value in options.items()}


class User:
    """Somebody's loss, and how to call it.

    Attributes:
        found: the class or function.
    """

    def __init__(self, key: str, options: Mapping[str, Any]) -> None:
        self.key = key
        self.title = imported.title(options)
        self.found = imported.find(f"{key}.{imported.TARGET}", options.get(imported.TARGET))
        self._options = options
        self._calls: dict[str, Callable[..., Any]] = {}
        self._conventions: dict[int, Convention] = {}
        self.takes_valid = VALID in _parameters(self._call("mean"))

    def _call(self, reduction: str) -> Callable[..., Any]:
        """Return what is called with prediction and ground truth; `reduction` "none" asks for all its values."""
        if reduction not in self._calls:
            options = {**self._options, **({"reduction": "none"} if reduction == "none" else {})}
            if isinstance(self.found, nn.Module):
                self._calls[reduction] = self.found
            elif inspect.isclass(self.found):
                self._calls[reduction] = imported.made(self.key, options)
            else:
                self._calls[reduction] = partial(self.found, **imported.arguments(self.key, options))
        return self._calls[reduction]

    @property
    def _has_reduction(self) -> bool:
        return "reduction" in _parameters(self.found) and "reduction" not in self._options

    def with_valid(self, logits: Tensor, target: Tensor, *, valid: Tensor | None = None, **_: Any) -> Tensor:
        """Return one value per image, (N,)."""
        return self._values(self.convention(logits.shape[1]), logits, target, valid)

    def without_valid(self, logits: Tensor, target: Tensor, **_: Any) -> Tensor:
        """Return one value per image, (N,)."""
        return self._values(self.convention(logits.shape[1]), logits, target, None)

    def convention(self, classes: int) -> Convention:
        """Return how the loss is called for logits of so many `classes`.

        Raises:
            StudyError: it works in no way that the options allow.
        """
        if classes not in self._conventions:
            self._conventions[classes] = self._find_convention(classes)
        return self._conventions[classes]

    def _find_convention(self, classes: int) -> Convention:
        if AUTO not in (self._options[name] for name in KEYS):
            return Convention(*(self._options[name] for name in KEYS))
        target = images_to_try(classes)
        problems: list[str] = []
        for convention in self._candidates(classes):
            try:
                with warnings.catch_warnings():
                    # Of shapes that do not fit, which is what is tried.
                    warnings.simplefilter("ignore")
                    self._check(convention, target)
                return Convention(convention.prediction, convention.ground_truth, self._values_of(convention, target))
            except StudyError:
                raise
            except Exception as error:
                # Libraries raise all kinds of errors for shapes and types that they do not take.
                problem = f"with {convention.prediction} and {convention.ground_truth} {_words(error)}"
                # First what it does where it does something.
                problems.insert(0 if isinstance(error, UnfitError) else len(problems), problem)
        raise StudyError(
            f"{self.key}: {self.title} cannot be trained with: {problems[0]}; if it can, say how it is called with "
            "_prediction_ and _ground_truth_, see docs/extending.md"
        )

    def _candidates(self, classes: int) -> Iterator[Convention]:
        predictions = PREDICTIONS if classes == 1 else PREDICTIONS[:2]
        wanted, of_truth, _ = (self._options[name] for name in KEYS)
        for prediction, truth in product(predictions, GROUND_TRUTHS):
            if wanted in (AUTO, prediction) and of_truth in (AUTO, truth):
                yield Convention(prediction, truth)

    def _check(self, convention: Convention, target: Tensor) -> None:
        """Raise an UnfitError unless the loss can be trained with: the ground truth is better than its opposite."""
        vague = (0.1 * torch.sin(torch.arange(float(target.numel()))).view(target.shape)).requires_grad_()
        with torch.enable_grad():
            value = self._of_batch(convention, vague, target)
            if not value.requires_grad:
                raise UnfitError("no gradient reaches the prediction")
            (gradient,) = torch.autograd.grad(value, vague)
        if not (value.isfinite() and gradient.isfinite().all()):
            raise UnfitError(f"the value {value.item():g} or its gradient is not finite")
        if not gradient.any():
            raise UnfitError("the gradient is 0 everywhere")
        sure = [self._of_batch(convention, logit * (2 * target - 1), target) for logit in SURE]
        # Some losses do not want it to be too sure.
        right = torch.stack(sure).min()
        wrong, as_it_is = (self._of_batch(convention, one, target) for one in (SURE[-1] * (1 - 2 * target), target))
        if not right < wrong:
            raise UnfitError(f"the ground truth has the value {right.item():g}, and its opposite {wrong.item():g}")
        if convention.prediction == "logits" and not right < as_it_is:
            raise UnfitError("it takes probabilities: logits equal to the ground truth are better than sure ones")

    def _values_of(self, convention: Convention, target: Tensor) -> str:
        """Return the best way to get one value per image, by comparing with calls for one image after the other."""
        if self._options["_values_"] != AUTO:
            return str(self._options["_values_"])
        logits = 2 * torch.sin(torch.arange(float(target.numel()))).view(target.shape)
        one_by_one = self._values(convention, logits, target, None)
        for values in ("own", "none") if self._has_reduction else ("own",):
            try:
                found = self._values(
                    Convention(convention.prediction, convention.ground_truth, values), logits, target, None
                )
            except Exception:  # noqa: S112 -- a loss that cannot do it is called image by image
                continue
            if torch.allclose(found, one_by_one, rtol=1e-4, atol=1e-6):
                return values
        return "images"

    def _of_batch(self, convention: Convention, logits: Tensor, target: Tensor) -> Tensor:
        given = _given(convention, logits, target)
        return torch.as_tensor(self._device(self._call("mean"), logits)(*given)).mean()

    def _values(self, convention: Convention, logits: Tensor, target: Tensor, valid: Tensor | None) -> Tensor:
        prediction, truth = _given(convention, logits, target)
        call = self._device(self._call("none" if convention.values == "none" else "mean"), logits)
        where = {} if valid is None else {VALID: valid}
        count = len(logits)
        if convention.values == "images":
            found = [
                self._number(
                    call(prediction[i : i + 1], truth[i : i + 1], **{key: one[i : i + 1] for key, one in where.items()})
                )
                for i in range(count)
            ]
            return torch.stack(found)
        returned = call(prediction, truth, **where)
        if convention.values == "batch":
            return self._number(returned).expand(count)
        if not isinstance(returned, Tensor) or returned.ndim == 0 or len(returned) != count:
            raise StudyError(
                f"{self.key}: {self.title} returns {_shape(returned)} for {count} images, which is not one value per "
                f"image; set {self.key}._values_=images"
            )
        return returned.flatten(1).mean(dim=1) if returned.ndim > 1 else returned

    def _number(self, returned: Any) -> Tensor:
        if not isinstance(returned, Tensor):
            raise StudyError(f"{self.key}: {self.title} returns {_shape(returned)}; a loss returns a tensor")
        return returned.mean()

    @staticmethod
    def _device(call: Callable[..., Any], logits: Tensor) -> Callable[..., Any]:
        return call.to(logits.device) if isinstance(call, nn.Module) else call


def _given(convention: Convention, logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return prediction and ground truth as the loss wants them."""
    if convention.prediction.startswith("two"):
        logits, target = torch.cat([torch.zeros_like(logits), logits], dim=1), torch.cat([1 - target, target], dim=1)
    prediction = logits if "logits" in convention.prediction else probability(logits)
    if convention.ground_truth == "shares":
        return prediction, target
    numbers = target.argmax(dim=1) if target.shape[1] > 1 else (target[:, 0] > 0.5).long()
    return prediction, numbers if convention.ground_truth == "numbers" else numbers[:, None]


def images_to_try(classes: int) -> Tensor:
    """Return small masks of discs of several sizes and lines, one-hot for two or more `classes`, (N, classes, H, W)."""
    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    distances = [((y - 24 - 3 * i) ** 2 + (x - 30 + 2 * i) ** 2).sqrt() - 8 - 2 * i for i in range(IMAGES)]
    line = (y - 52).abs() < 2
    inside = torch.stack([((distance < 0) | line).float()[None] for distance in distances])
    if classes == 1:
        return inside
    # The object is cut into stripes, so that every image has every class.
    stripes = 1 + (x // 4) % (classes - 1)
    numbers = (inside[:, 0] * stripes).long()
    return nn.functional.one_hot(numbers, classes).movedim(3, 1).float()


def _parameters(found: Any) -> Mapping[str, inspect.Parameter]:
    called = found.forward if isinstance(found, nn.Module) else found
    try:
        return inspect.signature(called).parameters
    except (TypeError, ValueError):
        return {}


def _shape(returned: Any) -> str:
    return f"a tensor of shape {tuple(returned.shape)}" if isinstance(returned, Tensor) else type(returned).__name__


def _words(error: Exception) -> str:
    words = " ".join(str(error).split()) or type(error).__name__
    return words if len(words) <= 200 else f"{words[:200]} ..."
