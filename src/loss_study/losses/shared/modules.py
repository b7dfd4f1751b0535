"""Every loss as an ``nn.Module`` and as a function, for training scripts of one's own; torch is all that they need.

The file ``losses/focal_tversky.py`` makes the class ``losses.FocalTversky`` and the function
``losses.functional.focal_tversky``, with the options of the loss as arguments.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, cast, get_args, get_origin, get_type_hints

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from loss_study.losses.shared import options as checking
from loss_study.losses.shared.base import VALID, Loss, names, with_a_file

Reduction = Literal["mean", "none"]

_ARGUMENTS = """
Logits are (N, C, H, W). The target has the same shape, as float in [0, 1], one-hot for C of 2 or more; or it holds
whole numbers: of classes (N, H, W), for C = 1 zeros and ones (N, 1, H, W) or (N, H, W). `valid`, where a loss takes it,
is 1 where a pixel counts and 0 where it does not, (N, 1, H, W). The result is the mean over images, or with reduction
"none" one value per image, (N,).
"""


class LossModule(nn.Module):
    """A loss as a module without parameters: ``Dice(smooth=0.1)(logits, target)``."""

    #: What the file declares.
    loss: ClassVar[Loss]

    def __init__(self, *, reduction: Reduction = "mean", **options: Any) -> None:
        """Check the options.

        Raises:
            TypeError: an unknown option, or one of a wrong type.
            ValueError: a value out of range, or one that only the training split of a study defines.
        """
        super().__init__()
        name = type(self).__name__
        if reduction not in get_args(Reduction):
            raise ValueError(f"{name}: reduction should be mean or none; got {reduction!r}")
        self.reduction = reduction
        self.options = checking.checked(name, self.loss.function, options, but=(VALID,))
        for option, value in self.options.items():
            if value in ("auto", "balanced"):
                raise ValueError(f"{name}: {option}={value!r} takes the training split of a study; give numbers")

    def forward(self, logits: Tensor, target: Tensor, valid: Tensor | None = None) -> Tensor:
        """Return the mean over images, or one value per image.

        Raises:
            ValueError: shapes or values that do not fit, or the loss does not take several classes or `valid`.
        """
        target = as_shares(target, logits)
        values = self.loss.given(self.options)(logits, target, valid)
        return values.mean() if self.reduction == "mean" else values

    def extra_repr(self) -> str:
        """Return the options."""
        return ", ".join(f"{name}={value!r}" for name, value in self.options.items())


def as_shares(target: Tensor, logits: Tensor) -> Tensor:
    """Return the target as float of the shape of `logits`, (N, C, H, W): 0 or 1 where it holds whole numbers.

    Raises:
        ValueError: whole numbers that are no class of the logits.
    """
    classes = logits.shape[1] if logits.ndim == 4 else 1
    if not target.is_floating_point():
        least, largest = (int(end) for end in target.aminmax()) if target.numel() else (0, 0)
        if least < 0 or largest >= max(classes, 2):
            wrong = least if least < 0 else largest
            raise ValueError(f"the target holds {wrong}, for {classes} logits per pixel; divide, or give classes")
        if classes > 1 and target.ndim == 3:
            return F.one_hot(target.long(), classes).movedim(3, 1).to(logits.dtype)
        target = target.to(logits.dtype)
    return target[:, None] if target.ndim == 3 and logits.ndim == 4 else target


def class_name(name: str) -> str:
    """Return the class of the loss `name`: ``FocalTversky`` for ``focal_tversky``."""
    return "".join(word.capitalize() for word in name.split("_"))


@cache
def module(name: str) -> type[LossModule]:
    """Return the class of the loss `name`, which has a file."""
    loss = with_a_file(name)
    made = type(
        class_name(name),
        (LossModule,),
        {
            "loss": loss,
            "__doc__": f"{loss.summary}\n\n{inspect.getdoc(loss.function)}\n{_ARGUMENTS}",
            "__module__": "loss_study.losses",
            "__signature__": _signature(loss, []),
        },
    )
    return cast("type[LossModule]", made)


@cache
def function(name: str) -> Callable[..., Tensor]:
    """Return the loss `name` as a function of logits, target, `valid`, its options and `reduction`."""

    def call(
        logits: Tensor, target: Tensor, valid: Tensor | None = None, *, reduction: Reduction = "mean", **options: Any
    ) -> Tensor:
        return cast("Tensor", module(name)(reduction=reduction, **options)(logits, target, valid))

    call.__name__ = call.__qualname__ = name
    call.__module__ = "loss_study.losses.functional"
    call.__doc__ = module(name).__doc__
    positional = list(inspect.signature(call).parameters.values())[:3]
    vars(call)["__signature__"] = _signature(with_a_file(name), positional, returns=torch.Tensor)
    return call


def by_class_name() -> dict[str, str]:
    """Return the names of the losses by those of their classes."""
    return {class_name(name): name for name in names()}


def _signature(loss: Loss, positional: list[inspect.Parameter], returns: Any = inspect.Signature.empty) -> Any:
    hints = get_type_hints(loss.function)
    own = [
        one.replace(annotation=_plain(hints[name])) for name, one in checking.of(loss.function).items() if name != VALID
    ]
    reduction = inspect.Parameter("reduction", inspect.Parameter.KEYWORD_ONLY, default="mean", annotation=Reduction)
    return inspect.Signature([*positional, *own, reduction], return_annotation=returns)


def _plain(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint
