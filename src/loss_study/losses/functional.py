"""Every loss with a file as a function: ``functional.dice(logits, target, smooth=0.1)``.

A module of its own, as in torch: ``losses.dice`` is the file ``losses/dice.py``. Arguments as `shared.modules` says.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from loss_study.losses.shared import modules
from loss_study.losses.shared.base import names
from loss_study.runtime.errors import nearest


def __getattr__(name: str) -> Callable[..., Tensor]:
    if name.startswith("_") or name not in names():
        raise AttributeError(f"no loss {name!r}: {nearest(name, names())}", name=name)
    return modules.function(name)


def __dir__() -> list[str]:
    return names()
