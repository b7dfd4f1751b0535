"""The phases of a training: one, or a second one that fine-tunes the end of a frozen encoder.

Each phase has an optimiser of its own and goes through the learning-rate schedule from beginning to end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from loss_study import models
from loss_study.config import Part, RecipeConfig
from loss_study.runtime.errors import StudyError
from loss_study.training.outcome import Outcome
from loss_study.training.schedules import Moment


@dataclass(frozen=True)
class Phase:
    """The epochs from `first` to `last`, counted from 1, at the recipe's learning rate times `lr_factor`.

    The parts `frozen` are not trained, but for the encoder's last `open_stages`.
    """

    first: int
    last: int
    lr_factor: float
    frozen: tuple[Part, ...]
    open_stages: int = 0

    @property
    def fixed_encoder(self) -> bool:
        """Whether the encoder's outputs for a picture stay the same throughout."""
        return "encoder" in self.frozen and not self.open_stages

    def epochs(self, outcome: Outcome, early_stop: int) -> Iterator[int]:
        """Yield the epochs that are still to be trained, while `outcome` grows.

        They end when `early_stop` of them in a row, unless it is 0, were no better than the best one.
        """
        for epoch in range(max(self.first, outcome.last_epoch + 1), self.last + 1):
            if early_stop and epoch - max(outcome.best_epoch, self.first - 1) > early_stop:
                return
            yield epoch

    def moments(self, epoch: int, steps: int, outcome: Outcome, rising: bool) -> Iterator[Moment]:
        """Yield the moment of each of the `steps` of `epoch`; `rising` as in `Moment`."""
        validation = tuple(row["validation"] for row in outcome.history if row["epoch"] >= self.first)
        for step in range((epoch - self.first) * steps, (epoch - self.first + 1) * steps):
            yield Moment(step, (self.last - self.first + 1) * steps, steps, validation, rising)


def plan(recipe: RecipeConfig, model: nn.Module, after: int) -> list[Phase]:
    """Return those phases of `recipe` that have epochs behind epoch `after`.

    Raises:
        StudyError: the encoder of `model` has fewer stages than are to be fine-tuned.
    """
    frozen, fine_tune = tuple(recipe.freeze), recipe.fine_tune
    phases = [Phase(1, recipe.epochs, 1.0, frozen)]
    if fine_tune.epochs:
        stages = len(models.stages(model))
        if fine_tune.stages > stages:
            raise StudyError(f"recipe.fine_tune.stages: the encoder has {stages} stages; got {fine_tune.stages}")
        phases.append(Phase(recipe.epochs + 1, recipe.all_epochs, fine_tune.lr_factor, frozen, fine_tune.stages))
    return [phase for phase in phases if phase.last > after]
