"""Losses: one file each, chosen by name.

``losses/dice.py`` holds the loss ``dice``: a function of logits and target that returns one value per image, and
``LOSS = Loss(dice, ...)``; see `shared.base.Loss`. The first paragraph of the file's docstring says what the loss does;
the report shows it. A combination, a weighted sum of such losses that needs no file, is in `shared.weighted_sum`.

In a training script of one's own every loss is also an ``nn.Module``, ``losses.Dice(smooth=0.1)(logits, target)``, and
a function, ``losses.functional.dice(logits, target, smooth=0.1)``; see `shared.modules`. Both need torch alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loss_study.choices.imported import TARGET
from loss_study.losses import functional
from loss_study.losses.shared import imported, modules, weighted_sum
from loss_study.losses.shared.base import PROBABILITY, Loss, Output, TargetStatistics, names, with_a_file
from loss_study.runtime.errors import nearest

__all__ = ["PROBABILITY", "Loss", "Output", "TargetStatistics", "functional", "load", "names", "with_a_file"]

#: All other modules are losses; what they share is a package.
SHARED = ("functional",)


def load(name: str, options: Mapping[str, Any] | None = None) -> Loss:
    """Return the loss `name` with checked `options`, completed with the defaults.

    Options with `_target_` are those of a loss by import path, see `shared.imported`; options with `terms` those of a
    combination, see `weighted_sum.load`; all others are the keyword-only arguments
    of the function in ``losses/<name>.py``.

    Raises:
        StudyError: unknown loss, unknown option, or a value of a wrong type or out of range; the message names the key.
    """
    options = options or {}
    if TARGET in options:
        return imported.load(name, options)
    return weighted_sum.load(name, options) if "terms" in options else with_a_file(name).with_options(options)


def __getattr__(name: str) -> type[modules.LossModule]:
    if not name[:1].isupper():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
    known = modules.by_class_name()
    if name not in known:
        raise AttributeError(f"no loss {name!r}: {nearest(name, known)}", name=name)
    return modules.module(known[name])


def __dir__() -> list[str]:
    return sorted([*globals(), *modules.by_class_name()])
