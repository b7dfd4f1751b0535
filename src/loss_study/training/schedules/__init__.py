"""Learning-rate schedules: one file each, chosen by name.

A file ``schedules/<name>.py`` holds ``factor(step, steps, *, <options>)``: what the learning rate is multiplied with
in step `step` (from 0) of `steps`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from loss_study import choices

PACKAGE = __name__

Schedule = Callable[[int, int], float]


def names() -> list[str]:
    """Return the names that ``recipe.schedule.name`` may take."""
    return choices.names(PACKAGE)


def check(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return `options` with defaults filled in; StudyError for an unknown schedule or option."""
    module = choices.load("schedule", PACKAGE, name)
    return choices.check_options("recipe.schedule.options", module.factor, options)


def build(name: str, **options: Any) -> Schedule:
    """Return the schedule `name` as a function ``(step, steps) -> factor``; StudyError as in `check`."""
    checked = check(name, options)
    return partial(choices.load("schedule", PACKAGE, name).factor, **checked)
