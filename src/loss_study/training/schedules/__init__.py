"""Learning-rate schedules: one file each, chosen by name.

A file ``schedules/<name>.py`` holds ``factor(moment, *, <options>)``: what the learning rate is multiplied with at that
moment. It depends on nothing else, so a training that is resumed goes on with the rate that it would have had.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from loss_study.choices import registry

PACKAGE = __name__


@dataclass(frozen=True)
class Moment:
    """Where a training stands, counted from the start of its phase (see `phases`; most trainings have one).

    `step` (from 0) is one of `steps`, of which every epoch has `steps_per_epoch`. `validation` holds the head's metric
    after each epoch that is over; `rising` says that a higher one is better.
    """

    step: int
    steps: int
    steps_per_epoch: int
    validation: tuple[float, ...] = ()
    rising: bool = True

    @property
    def epoch(self) -> int:
        """The epoch that the step belongs to, from 0."""
        return self.step // self.steps_per_epoch


Schedule = Callable[[Moment], float]


def names() -> list[str]:
    """Return the names that ``recipe.schedule.name`` may take."""
    return registry.names(PACKAGE)


def check(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return `options` with defaults filled in; StudyError for an unknown schedule or option."""
    module = registry.load("schedule", PACKAGE, name)
    return registry.check_options("recipe.schedule.options", module.factor, options)


def build(name: str, **options: Any) -> Schedule:
    """Return the schedule `name` as a function from a `Moment` to a factor; StudyError as in `check`."""
    checked = check(name, options)
    return partial(registry.load("schedule", PACKAGE, name).factor, **checked)
