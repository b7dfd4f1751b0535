"""What somebody lists as losses, as the sections of a configuration."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from loss_study import losses
from loss_study.choices.imported import TARGET
from loss_study.losses.shared.modules import LossModule
from loss_study.runtime.errors import StudyError

#: A name of ours, one of our modules, or somebody's: a module, a class or a function.
Chosen = str | Callable[..., Any]


@dataclass
class ChosenLosses:
    """The lists of the section `loss`, and the options by loss.

    `theirs` are the losses of somebody, by name.
    """

    names: list[str] = field(default_factory=list)
    combinations: list[str] = field(default_factory=list)
    theirs: dict[str, Any] = field(default_factory=dict)
    options: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, loss: Chosen, label: str | None) -> None:
        """Take a loss, under `label` where it is named.

        Raises:
            StudyError: it is no loss, or has the name of another.
        """
        own = _own_name(loss)
        name = label or own or _name_of(loss)
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise StudyError(f"losses: {name!r} is no name, which has a-z, 0-9 and _; pass losses as a dict of names")
        if name in self.options:
            raise StudyError(f"losses: two are called {name}; pass them as a dict, {{'{name}': ..., '{name}_2': ...}}")
        if own is None:
            if name in losses.names():
                raise StudyError(f"losses: {name} is a loss of this project; pass a dict with another name for yours")
            self.theirs[name] = loss
            self.options[name] = {}
            return
        options = dict(loss.options) if isinstance(loss, LossModule) else {}
        if name == own:
            self.names.append(name)
            self.options[name] = options
        else:
            if name in losses.names():
                raise StudyError(f"losses: {name} is another loss of this project; pass a dict with another name")
            # One of ours under another name is a sum of one term.
            self.combinations.append(name)
            self.options[name] = {"terms": {own: 1.0}, "options": {own: options}}

    def imported(self, paths: Mapping[str, str]) -> dict[str, dict[str, Any]]:
        """Return all options, those of somebody's losses with their import `paths` by name."""
        return self.options | {name: {TARGET: paths[name]} for name in self.theirs}


def chosen(given: Iterable[Chosen] | Mapping[str, Chosen]) -> ChosenLosses:
    """Return the losses in a list, or in a mapping from names.

    Raises:
        StudyError: none, or as `ChosenLosses.add`.
    """
    found = ChosenLosses()
    pairs = given.items() if isinstance(given, Mapping) else ((None, one) for one in given)
    for label, loss in pairs:
        found.add(loss, label)
    if not found.options:
        raise StudyError("losses: list at least one")
    return found


def _own_name(loss: Chosen) -> str | None:
    """Return the name of one of this project's losses, None for somebody's."""
    if isinstance(loss, LossModule):
        return loss.loss.name
    if inspect.isclass(loss) and issubclass(loss, LossModule):
        return loss.loss.name
    if not isinstance(loss, str):
        return None
    return losses.with_a_file(loss).name


def _name_of(loss: Chosen) -> str:
    """Return ``my_loss`` for ``MyLoss``."""
    if not callable(loss):
        raise StudyError(f"losses: {loss!r} is no loss: give a name, an nn.Module or a function")
    name = loss.__name__ if hasattr(loss, "__name__") else type(loss).__name__
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
